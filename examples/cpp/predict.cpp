// Predicts the rows of a CSV file:
//
//     ./predict model.onnx rows.csv > predicted.csv
//     ./predict model.onnx rows.csv --delimiter semicolon --encoding windows-1252 > predicted.csv
//     ./predict model.onnx rows.csv --ignore-extra > predicted.csv
//
// The library is that of the environment variable ORT_DYLIB_PATH, else libonnxruntime.so where the loader finds it.

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <locale>
#include <optional>
#include <sstream>

#include "csv.h"
#include "mothernet.hpp"

namespace {

constexpr std::size_t kRowsAtOnce = 10'000;

struct Arguments {
    std::vector<std::string> paths;
    std::optional<std::string> delimiter, encoding;
    bool ignore_extra = false;
};

// Memory of the cells of a table, which is freed with its owner.
struct Memory : mn_memory {
    Memory() : mn_memory{nullptr} {}
    ~Memory() { mn_release(this); }
    Memory(const Memory &) = delete;
    Memory &operator=(const Memory &) = delete;
};

std::string csv_cell(const std::string &text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + '"';
}

void say(const std::string &message) {
    std::fputs("predict: ", stderr);
    mn_print(stderr, message.c_str());
    std::fputc('\n', stderr);
}

Arguments parsed(int argc, char **argv) {
    Arguments arguments;
    for (int i = 1; i < argc; i++) {
        std::string word = argv[i];
        if (word == "--delimiter" && i + 1 < argc) arguments.delimiter = argv[++i];
        else if (word == "--encoding" && i + 1 < argc) arguments.encoding = argv[++i];
        else if (word == "--ignore-extra") arguments.ignore_extra = true;
        else arguments.paths.push_back(word);
    }
    if (arguments.paths.size() != 2)
        throw std::invalid_argument(
            "usage: predict MODEL.onnx ROWS.csv [--delimiter D] [--encoding NAME] [--ignore-extra]");
    return arguments;
}

// Reads up to kRowsAtOnce rows and writes their answers; whether more may follow.
bool predict_some(const mothernet::Model &model, mn_csv &csv, const std::vector<std::string> &names,
                  mothernet_coverage *coverage, std::ostream &out) {
    Memory memory;
    std::vector<mothernet_cell> cells;
    std::vector<std::size_t> lines;
    mothernet_error error;
    mn_row row;
    int taken = 1;
    while (lines.size() < kRowsAtOnce && (taken = mn_next_row(&csv, &memory, &row, &error)) == 1) {
        for (std::size_t i = 0; i < row.n; i++)
            cells.push_back({MOTHERNET_TEXT, row.cells[i].at, row.cells[i].n, 0, 0});
        lines.push_back(row.line);
    }
    if (taken < 0) throw mothernet::Error(error);
    try {
        for (const mothernet::Answer &answer : model.predict(names, cells, lines.size(), coverage)) {
            out << csv_cell(answer.text);
            for (float probability : answer.probabilities) out << ',' << probability;
            out << '\n';
        }
    } catch (const mothernet::Error &wrong) {
        if (wrong.row >= lines.size()) throw;
        throw std::invalid_argument("line " + std::to_string(lines[wrong.row]) + ": " + wrong.what());
    }
    return taken == 1;
}

void run(const Arguments &arguments) {
    const std::string &model_path = arguments.paths[0], &rows_path = arguments.paths[1];
    const char *library = std::getenv("ORT_DYLIB_PATH");
    mothernet::Runtime runtime(library ? library : "libonnxruntime.so");
    std::optional<mothernet::Model> model;
    try {
        model.emplace(runtime, model_path);
    } catch (const mothernet::Error &error) {
        throw std::invalid_argument(model_path + ": " + error.what());
    }
    std::unique_ptr<mothernet_coverage, decltype(&mothernet_free_coverage)> coverage(
        mothernet_new_coverage(model->handle()), mothernet_free_coverage);
    std::ostringstream out;  // output appears whole or not at all
    out.imbue(std::locale::classic());
    out.precision(9);
    mothernet_error error;
    model->ignore_extra(arguments.ignore_extra);
    try {
        Memory memory;
        mn_text bytes;
        mn_csv csv;
        const char *delimiter = arguments.delimiter ? arguments.delimiter->c_str() : nullptr;
        const char *encoding = arguments.encoding ? arguments.encoding->c_str() : nullptr;
        if (!mn_read_file(rows_path.c_str(), &memory, &bytes, &error) ||
            !mn_open_csv(bytes, delimiter, encoding, &memory, &csv, &error))
            throw mothernet::Error(error);
        std::vector<std::string> names;
        for (std::size_t i = 0; i < csv.n_names; i++) names.emplace_back(csv.names[i].at, csv.names[i].n);
        out << "label";
        for (const std::string &text : model->class_texts()) out << ',' << csv_cell("probability_" + text);
        out << '\n';
        while (predict_some(*model, csv, names, coverage.get(), out)) continue;
    } catch (const std::exception &wrong) {
        throw std::invalid_argument(rows_path + ": " + wrong.what());
    }
    if (!(std::cout << out.str() << std::flush))
        throw std::runtime_error("the predictions must be written, however: " + std::string(std::strerror(errno)));
    if (mothernet_complains(coverage.get(), &error)) say("warning: " + rows_path + ": " + error.text);
}

}  // namespace

int main(int argc, char **argv) {
    try {
        run(parsed(argc, argv));
        return 0;
    } catch (const std::exception &error) {
        say(std::string("error: ") + error.what());
        return 2;
    }
}
