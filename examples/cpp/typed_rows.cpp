// Predicts typed rows, as a service would have them from a request: ./typed_rows MODEL.onnx ROWS.json
//
// For each row, the label as JSON and the probabilities; for tests.

#include <cstdlib>
#include <iostream>

#include <jansson.h>

#include "mothernet.hpp"

namespace {

mothernet::Cell typed(const json_t *value) {
    if (json_is_string(value)) return std::string(json_string_value(value), json_string_length(value));
    if (json_is_integer(value)) return std::int64_t{json_integer_value(value)};
    if (json_is_boolean(value)) return bool{json_is_true(value)};
    if (json_is_real(value)) return json_real_value(value);
    return {};
}

struct Shown {
    json_t *operator()(const std::string &text) const { return json_stringn(text.data(), text.size()); }
    json_t *operator()(std::int64_t number) const { return json_integer(number); }
    json_t *operator()(bool value) const { return json_boolean(value); }
    json_t *operator()(double number) const { return json_real(number); }
};

}  // namespace

int main(int argc, char **argv) {
    json_t *table = argc == 3 ? json_load_file(argv[2], 0, nullptr) : nullptr, *row, *value;
    std::vector<mothernet::Row> rows;
    std::size_t i;
    const char *name;
    json_array_foreach(table, i, row) {
        rows.emplace_back();
        json_object_foreach(row, name, value) rows.back()[name] = typed(value);
    }
    json_decref(table);
    try {
        mothernet::Runtime runtime(std::getenv("ORT_DYLIB_PATH"));
        mothernet::Model model(runtime, argv[1]);
        std::cout.precision(9);
        for (const mothernet::Answer &answer : model.predict(rows)) {
            json_t *line = json_pack("[o,[]]", std::visit(Shown(), answer.label));
            for (float p : answer.probabilities) json_array_append_new(json_array_get(line, 1), json_real(p));
            char *text = json_dumps(line, JSON_COMPACT);
            std::cout << text << '\n';
            std::free(text);
            json_decref(line);
        }
        return 0;
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 2;
    }
}
