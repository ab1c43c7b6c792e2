// Predicts with a MotherNet .onnx file: raw rows in, typed labels and probabilities out.
//
// The work is done by the C sources of ../c-onnxruntime; here are owners for what they allocate, exceptions for their
// messages, and types for their cells and labels.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mothernet.h"

namespace mothernet {

using Cell = std::variant<std::monostate, std::string, double, std::int64_t, bool>;  // the first: missing
using Row = std::map<std::string, Cell>;                                             // by names of columns
using Label = std::variant<std::string, std::int64_t, bool, double>;                 // as the training table had it

struct Answer {
    Label label;
    std::string text;                  // of the label, as the file writes it: True, 0.5, 2.0
    std::vector<float> probabilities;  // in the order of the classes
};

// What is wrong with a library, a model or rows; `row` counts from 0, and is SIZE_MAX if no row is meant.
class Error : public std::runtime_error {
public:
    Error(const mothernet_error &error, std::size_t first = 0)
        : std::runtime_error(error.text), row(error.row == SIZE_MAX ? SIZE_MAX : first + error.row) {}
    std::size_t row;
};

// The shared library of onnxruntime, with its telemetry off; one per process, and it outlives its models.
class Runtime {
public:
    explicit Runtime(const std::string &library) {
        mothernet_error error;
        handle_.reset(mothernet_open_runtime(library.c_str(), &error));
        if (!handle_) throw Error(error);
    }
    mothernet_runtime *handle() const { return handle_.get(); }

private:
    struct Close {
        void operator()(mothernet_runtime *runtime) const { mothernet_close_runtime(runtime); }
    };
    std::unique_ptr<mothernet_runtime, Close> handle_;
};

// A loaded file, checked against its format; may be shared by threads.
class Model {
public:
    Model(const Runtime &runtime, const std::string &path) {
        mothernet_error error;
        handle_.reset(mothernet_load(runtime.handle(), path.c_str(), &error));
        if (!handle_) throw Error(error);
        for (std::size_t i = 0; i < mothernet_count_classes(handle()); i++) {
            const mothernet_label *label = mothernet_class(handle(), i);
            classes_.push_back(typed(*label));
            texts_.emplace_back(label->text);
        }
    }

    const std::vector<Label> &classes() const { return classes_; }
    const std::vector<std::string> &class_texts() const { return texts_; }
    const mothernet_model *handle() const { return handle_.get(); }

    // Whether rows may have columns that the model does not know; not while another thread predicts.
    void ignore_extra(bool ignore) { mothernet_ignore_extra(handle_.get(), ignore); }

    // Rows need not have the same columns: those that the model ignores may be left out. Throws Error.
    std::vector<Answer> predict(const std::vector<Row> &rows) const {
        std::vector<Answer> answers;
        for (std::size_t first = 0, last; first < rows.size(); first = last) {
            std::vector<std::string> names;
            std::vector<mothernet_cell> cells;
            for (const auto &[name, cell] : rows[first]) names.push_back(name);
            for (last = first; last < rows.size() && has_names(rows[last], names); last++)
                for (const auto &[name, cell] : rows[last]) cells.push_back(raw(cell));
            for (Answer &answer : predict(names, cells, last - first, nullptr, first))
                answers.push_back(std::move(answer));
        }
        return answers;
    }

    // Rows of cells that stand one after another, in the order of `names`; `first` is added to the number of a wrong
    // row.
    std::vector<Answer> predict(const std::vector<std::string> &names, const std::vector<mothernet_cell> &cells,
                                std::size_t n_rows, mothernet_coverage *coverage = nullptr,
                                std::size_t first = 0) const {
        std::vector<const char *> pointers;
        for (const std::string &name : names) pointers.push_back(name.c_str());
        std::vector<std::size_t> numbers(n_rows);
        std::vector<float> probabilities(n_rows * classes_.size());
        mothernet_error error;
        if (cells.size() != n_rows * names.size()) throw std::invalid_argument("rows must have a cell for each name");
        if (!mothernet_predict(handle(), names.size(), pointers.data(), n_rows, cells.data(), numbers.data(),
                               probabilities.data(), coverage, &error))
            throw Error(error, first);
        std::vector<Answer> answers;
        auto row = probabilities.begin();
        for (std::size_t number : numbers) {
            auto end = row + static_cast<std::ptrdiff_t>(classes_.size());
            answers.push_back({classes_[number], texts_[number], {row, end}});
            row = end;
        }
        return answers;
    }

private:
    struct Free {
        void operator()(mothernet_model *model) const { mothernet_free(model); }
    };

    static bool has_names(const Row &row, const std::vector<std::string> &names) {
        std::size_t i = 0;
        for (const auto &[name, cell] : row)
            if (i == names.size() || names[i++] != name) return false;
        return i == names.size();
    }

    static mothernet_cell raw(const Cell &cell) {
        mothernet_cell found{MOTHERNET_MISSING, nullptr, 0, 0, 0};
        if (auto text = std::get_if<std::string>(&cell)) found = {MOTHERNET_TEXT, text->data(), text->size(), 0, 0};
        if (auto number = std::get_if<double>(&cell)) found = {MOTHERNET_NUMBER, nullptr, 0, *number, 0};
        if (auto number = std::get_if<std::int64_t>(&cell)) found = {MOTHERNET_INTEGER, nullptr, 0, 0, *number};
        if (auto value = std::get_if<bool>(&cell)) found = {MOTHERNET_BOOLEAN, nullptr, 0, 0, *value};
        return found;
    }

    static Label typed(const mothernet_label &label) {
        switch (label.type) {
            case MOTHERNET_INTEGER_LABEL: return label.integer;
            case MOTHERNET_BOOLEAN_LABEL: return label.integer != 0;
            case MOTHERNET_FLOAT_LABEL: return label.number;
            default: return std::string(label.text);
        }
    }

    std::unique_ptr<mothernet_model, Free> handle_;
    std::vector<Label> classes_;
    std::vector<std::string> texts_;
};

}  // namespace mothernet
