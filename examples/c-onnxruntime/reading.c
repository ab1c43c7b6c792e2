/* Compares what is read with what others read:

       ./reading cells ../../tests/conformance/cells.json    each text under each rule
       ./reading tables FILE                                 CSV files, as JSON
       ./reading models FILE                                 model files: "ok" or what is wrong
       ./reading rows MODEL.onnx ROWS.json                   typed rows, as objects: predictions as CSV

   FILE holds, for each file, the length of its options, these as JSON, its length and its bytes. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "csv.h"
#include "schema.h"

static json_t *text_json(mn_text text)
{
    return json_stringn(text.n ? text.at : "", text.n);
}

static json_t *number_json(double number)
{
    return isfinite(number) ? json_real(number) : json_string(isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
}

static json_t *read_cell(const char *text, size_t n, const mn_rule *rule)
{
    mothernet_cell cell = {MOTHERNET_TEXT, text, n, 0, 0};
    mn_memory memory = {NULL};
    mn_text category;
    double number;
    json_t *found = NULL;
    if (rule->type == MN_CATEGORY) {
        if (mn_read_category(rule, &cell, &memory, &category)) found = text_json(category);
    } else if (mn_read_number(rule, &cell, &number)) {
        found = number_json(number);
    }
    mn_release(&memory);
    return found ? found : json_string("error");
}

static int compare(const char *what, const json_t *expected, json_t *found)
{
    int is_same = json_is_number(expected) && json_is_number(found)
                      ? json_number_value(expected) == json_number_value(found)
                      : json_equal((json_t *)expected, found);
    if (!is_same) printf("%s must be otherwise, however: it is not\n", what);
    json_decref(found);
    return is_same;
}

static int compare_cells(const json_t *table)
{
    static const char *const groups[] = {"number", "date", "category"};
    size_t compared = 0, same = 0, g, i, k;
    json_t *rule_json, *entry, *expected;
    for (g = 0; g < 3; g++) {
        mn_memory memory = {NULL};
        mothernet_error error;
        const json_t *group = json_object_get(table, groups[g]), *rules = json_object_get(group, "rules");
        mn_rule *read = mn_take(&memory, json_array_size(rules), sizeof *read);
        json_array_foreach(rules, k, rule_json) if (!mn_read_rule(rule_json, "a rule", &memory, &read[k], &error))
            puts(error.text);
        json_array_foreach(json_object_get(group, "cells"), i, entry)
        {
            const json_t *text = json_array_get(entry, 0);
            json_array_foreach(json_array_get(entry, 1), k, expected)
            {
                json_t *found = read_cell(json_string_value(text), json_string_length(text), &read[k]);
                same += (size_t)compare(json_string_value(text), expected, found);
                compared++;
            }
        }
        mn_release(&memory);
    }
    json_array_foreach(json_object_get(json_object_get(table, "date_parts"), "seconds"), i, entry)
    {
        const json_t *seconds = json_array_get(entry, 0);
        double value = json_is_number(seconds) ? json_number_value(seconds) : (double)NAN;
        json_array_foreach(json_array_get(entry, 1), k, expected)
        {
            same += (size_t)compare("a part", expected, number_json(mn_date_part(value, (mn_part)(k + 1))));
            compared++;
        }
    }
    printf("%zu of %zu values as in the table\n", same, compared);
    return same == compared && compared > 0 ? 0 : 1;
}

static json_t *read_table(mn_text bytes, const json_t *options)
{
    const char *delimiter = json_string_value(json_object_get(options, "delimiter"));
    const char *encoding = json_string_value(json_object_get(options, "encoding"));
    json_t *names = json_array(), *rows = json_array(), *lines = json_array(), *table;
    mn_memory memory = {NULL};
    mothernet_error error;
    mn_csv csv;
    mn_row row;
    size_t i;
    int taken = mn_open_csv(bytes, delimiter, encoding, &memory, &csv, &error) ? 1 : -1;
    for (i = 0; taken == 1 && i < csv.n_names; i++) json_array_append_new(names, text_json(csv.names[i]));
    while (taken == 1 && (taken = mn_next_row(&csv, &memory, &row, &error)) == 1) {
        json_t *cells = json_array();
        for (i = 0; i < row.n; i++) json_array_append_new(cells, text_json(row.cells[i]));
        json_array_append_new(rows, cells);
        json_array_append_new(lines, json_integer((json_int_t)row.line));
    }
    if (taken < 0) table = json_pack("{s:s}", "error", error.text);
    else
        table = json_pack("{s:O,s:O,s:O,s:[s#,s]}", "names", names, "rows", rows, "lines", lines, "dialect",
                          &csv.delimiter, 1, csv.encoding);
    json_decref(names);
    json_decref(rows);
    json_decref(lines);
    mn_release(&memory);
    return table;
}

static json_t *read_model(mn_text bytes)
{
    mn_model_file file;
    mothernet_error error;
    if (!mn_read_model(bytes, &file, &error))
        return json_string(mn_is_utf8(mn_string(error.text)) ? error.text : "not UTF-8");
    mn_release(&file.memory);
    return json_string("ok");
}

/* A copy of the next part, in a block of just its size, so that reading beyond it is noticed. */
static char *take_part(FILE *stream, size_t *n)
{
    unsigned char size[4];
    char *part;
    if (fread(size, 1, 4, stream) != 4) return NULL;
    *n = size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 | (size_t)size[3] << 24;
    part = malloc(*n ? *n : 1);
    if (part && fread(part, 1, *n, stream) != *n) {
        free(part);
        part = NULL;
    }
    return part;
}

static int print_each(FILE *stream, int is_tables)
{
    size_t n_options, n;
    char *options, *bytes;
    while ((options = take_part(stream, &n_options)) && (bytes = take_part(stream, &n))) {
        json_t *given = json_loadb(options, n_options, 0, NULL);
        json_t *found = is_tables ? read_table((mn_text){bytes, n}, given) : read_model((mn_text){bytes, n});
        json_dumpf(found, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
        putchar('\n');
        json_decref(found);
        json_decref(given);
        free(options);
        free(bytes);
    }
    return 0;
}

static mothernet_cell typed_cell(const json_t *value)
{
    mothernet_cell cell = {MOTHERNET_MISSING, json_string_value(value), json_string_length(value),
                           json_number_value(value), 0};
    if (json_is_string(value)) cell.type = MOTHERNET_TEXT;
    if (json_is_real(value)) cell.type = MOTHERNET_NUMBER;
    if (json_is_integer(value)) cell.type = MOTHERNET_INTEGER;
    if (json_is_boolean(value)) cell.type = MOTHERNET_BOOLEAN;
    cell.integer = json_is_boolean(value) ? json_is_true(value) : json_integer_value(value);
    return cell;
}

static int predict_rows(const char *path, const json_t *rows)
{
    mothernet_error error;
    mothernet_runtime *runtime = mothernet_open_runtime(getenv("ORT_DYLIB_PATH"), &error);
    mothernet_model *model = runtime ? mothernet_load(runtime, path, &error) : NULL;
    mn_memory memory = {NULL};
    size_t n_rows = json_array_size(rows), n = 0, i, k, n_classes = model ? mothernet_count_classes(model) : 0;
    size_t n_columns = json_object_size(json_array_get(rows, 0));
    const char **names = mn_take(&memory, n_columns, sizeof *names), *name;
    mothernet_cell *cells = mn_take(&memory, n_rows * n_columns, sizeof *cells);
    size_t *classes = mn_take(&memory, n_rows, sizeof *classes);
    float *probabilities = mn_take(&memory, n_rows * n_classes, sizeof *probabilities);
    json_t *row, *value;
    int is_right = model != NULL;
    json_object_foreach((json_t *)json_array_get(rows, 0), name, value) names[n++] = name;
    json_array_foreach(rows, i, row) for (k = 0; k < n; k++) cells[i * n + k] =
        typed_cell(json_object_get(row, names[k]));
    if (is_right && n_rows)
        is_right = mothernet_predict(model, n, names, n_rows, cells, classes, probabilities, NULL, &error);
    for (i = 0; is_right && i < n_rows; i++) {
        printf("%zu", classes[i]);
        for (k = 0; k < n_classes; k++) printf(",%.9g", (double)probabilities[i * n_classes + k]);
        putchar('\n');
    }
    if (!is_right) fprintf(stderr, "%s\n", error.text);
    mn_release(&memory);
    mothernet_free(model);
    mothernet_close_runtime(runtime);
    return is_right ? 0 : 2;
}

int main(int argc, char **argv)
{
    FILE *stream = argc >= 3 ? fopen(argv[argc - 1], "rb") : NULL;
    json_t *table = NULL;
    int code = 2;
    if (!stream) fputs("usage: reading cells|tables|models|rows FILE\n", stderr);
    else if (argc == 4) code = predict_rows(argv[2], table = json_loadf(stream, 0, NULL));
    else if (strcmp(argv[1], "cells") != 0) code = print_each(stream, strcmp(argv[1], "tables") == 0);
    else if ((table = json_loadf(stream, 0, NULL))) code = compare_cells(table);
    json_decref(table);
    if (stream) fclose(stream);
    return code;
}
