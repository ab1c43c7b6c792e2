/* The rows in a file whose answers it holds: section 6 of FORMAT.md. */

#include "schema_json.h"

/* A raw cell of the self-test, as a caller would pass it. */
static int read_test_cell(const json_t *value, const mn_column *column, mn_memory *memory, mothernet_cell *cell)
{
    mn_type type = column->rule.type;
    int is_number_column = type == MN_NUMBER || type == MN_BOOLEAN;
    mn_text text;
    double seconds;
    *cell = (mothernet_cell){MOTHERNET_MISSING, NULL, 0, 0, 0};
    if (json_is_null(value)) return 1;
    if (json_is_string(value)) {
        text = mn_copy(memory, mn_json_text(value));
        *cell = (mothernet_cell){MOTHERNET_TEXT, text.at, text.n, 0, 0};
        if (type == MN_DATE) return mn_read_number(&column->rule, cell, &seconds);
        return !is_number_column || mn_is(text, "inf") || mn_is(text, "-inf");
    }
    if (type == MN_BOOLEAN && json_is_boolean(value)) {
        *cell = (mothernet_cell){MOTHERNET_BOOLEAN, NULL, 0, 0, json_is_true(value)};
        return 1;
    }
    *cell = (mothernet_cell){MOTHERNET_NUMBER, NULL, 0, json_number_value(value), 0};
    return is_number_column && json_is_number(value);
}

static int read_test_answers(const json_t *labels, const json_t *rows, mn_model_file *file, mothernet_error *error)
{
    const json_t *label, *row, *number;
    size_t i, k;
    file->test_probabilities = mn_take(&file->memory, file->n_test_rows * file->n_classes, sizeof(double));
    json_array_foreach(labels, i, label)
    {
        int is_integer = file->classes[0].type == MOTHERNET_INTEGER_LABEL;
        for (k = 0; k < file->n_classes; k++)
            if (is_integer ? json_is_integer(label) && json_integer_value(label) == file->classes[k].integer
                           : json_is_string(label) && mn_is(mn_json_text(label), file->classes[k].text))
                break;
        if (k == file->n_classes) return mn_fail(error, "labels of the self_test must be classes, however: one is not");
        file->test_classes[i] = k;
        row = json_array_get(rows, i);
        if (json_array_size(row) != file->n_classes)
            return mn_fail(error, "probabilities of the self_test must be one per class, however: they are not");
        json_array_foreach(row, k, number)
        {
            if (!json_is_number(number))
                return mn_fail(error, "probabilities of the self_test must be numbers, however: one is none");
            file->test_probabilities[i * file->n_classes + k] = json_number_value(number);
        }
    }
    return 1;
}

int mn_read_self_test(const json_t *test, mn_model_file *file, mothernet_error *error)
{
    static const char what[] = "the self_test";
    const json_t *labels = mn_json_take(test, "labels", JSON_ARRAY, what, error), *rows, *columns, *cells;
    size_t n, c, i, k = 0, n_known = 0;
    if (!labels || !(rows = mn_json_take(test, "probabilities", JSON_ARRAY, what, error)) ||
        !(columns = mn_json_take(test, "columns", JSON_OBJECT, what, error)))
        return 0;
    n = json_array_size(labels);
    if (n < 1 || n > 8 || json_array_size(rows) != n)
        return mn_fail(error, "%s must have 1 to 8 rows, labels and probabilities, however: %zu labels", what, n);
    file->n_test_rows = n;
    file->test_cells = mn_take(&file->memory, n * file->n_read, sizeof *file->test_cells);
    for (c = 0; c < file->n_columns; c++) {
        const mn_column *column = &file->columns[c];
        n_known += json_object_get(columns, column->name.at) != NULL;
        if (column->rule.type == MN_IGNORED) continue;
        if (!(cells = mn_json_take(columns, column->name.at, JSON_ARRAY, what, error))) return 0;
        for (i = 0; i < n; i++)
            if (json_array_size(cells) != n || !read_test_cell(json_array_get(cells, i), column, &file->memory,
                                                               &file->test_cells[i * file->n_read + k]))
                return mn_fail(error, "%s must have %zu cells that fit column %s, however: it has not", what, n,
                               mn_shown(column->name));
        k++;
    }
    if (n_known != json_object_size(columns))
        return mn_fail(error, "%s must have the columns of the schema, however: it has others", what);
    return read_test_answers(labels, rows, file, error);
}
