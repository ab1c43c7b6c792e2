#include "schema_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"

enum { MAX_NESTING = 32 };

static const char *const LABEL_TYPES[] = {"string", "integer", "boolean", "float", NULL}; /* as mothernet_label_type */
static const char *const COLUMN_TYPES[] = {"number", "boolean", "date", "category", "ignored", NULL}; /* as mn_type */
static const char *const PATTERNS[] = {"ymd", "dmy", "mdy", "time", NULL};              /* as mn_pattern */
static const char *const PARTS[] = {"value", "days", "month", "weekday", "hour", NULL}; /* as mn_part */
static const char *const DECIMALS[] = {".", ",", NULL};
static const char *const GROUPS[] = {"", ",", ".", "'", "\u2019", " ", NULL};

mn_text mn_json_text(const json_t *string)
{
    return (mn_text){json_string_value(string), json_string_length(string)};
}

const json_t *mn_json_take(const json_t *object, const char *key, json_type type, const char *what,
                           mothernet_error *error)
{
    static const char *const names[] = {"an object", "an array", "a string", "an integer", "a number", "true or false"};
    const json_t *value = json_object_get(object, key);
    if (!value) {
        mn_fail(error, "%s must have the key \"%s\", however: it is missing", what, key);
        return NULL;
    }
    if (json_typeof(value) == type || (type == JSON_TRUE && json_is_false(value))) return value;
    mn_fail(error, "%s of %s must be %s, however: it is not", key, what, names[type]);
    return NULL;
}

static int take_boolean(const json_t *object, const char *key, const char *what, int *value, mothernet_error *error)
{
    const json_t *found = mn_json_take(object, key, JSON_TRUE, what, error);
    *value = json_is_true(found);
    return found != NULL;
}

/* The number of a string among choices; -1 and a message if it is none of them. */
static int take_choice(const json_t *object, const char *key, const char *const *choices, const char *what,
                       mothernet_error *error)
{
    const json_t *found = mn_json_take(object, key, JSON_STRING, what, error);
    if (!found) return -1;
    for (int i = 0; choices[i]; i++)
        if (mn_is(mn_json_text(found), choices[i])) return i;
    mn_fail(error, "%s of %s must be as FORMAT.md lists, however: %s", key, what, mn_shown(mn_json_text(found)));
    return -1;
}

static size_t nesting(const json_t *value)
{
    size_t deepest = 0, i, n;
    const char *key;
    json_t *inner;
    if (json_is_array(value)) {
        json_array_foreach(value, i, inner) if ((n = nesting(inner)) > deepest) deepest = n;
    } else if (json_is_object(value)) {
        json_object_foreach((json_t *)value, key, inner) if ((n = nesting(inner)) > deepest) deepest = n;
    } else {
        return 0;
    }
    return deepest + 1;
}

/* An object with unique keys; NULL and a message if the text is none. */
static json_t *parse(mn_text text, const char *what, mothernet_error *error)
{
    json_error_t problem;
    json_t *value = json_loadb(text.at, text.n, JSON_REJECT_DUPLICATES, &problem);
    if (value && json_is_object(value) && nesting(value) <= MAX_NESTING) return value;
    if (value)
        mn_fail(error, "%s must be an object that nests at most %d levels, however: it is not", what, MAX_NESTING);
    else mn_fail(error, "%s must be JSON, however: %.200s", what, problem.text);
    json_decref(value);
    return NULL;
}

/* Sorted copies of strings, each of which `is_right`. */
static int take_texts(const json_t *array, const char *key, const char *what, int (*is_right)(mn_text, const mn_rule *),
                      const mn_rule *rule, mn_memory *memory, const mn_text **texts, size_t *n, mothernet_error *error)
{
    mn_text *found = mn_take(memory, json_array_size(array), sizeof *found);
    const json_t *value;
    size_t i;
    json_array_foreach(array, i, value)
    {
        if (!json_is_string(value) || !is_right(mn_json_text(value), rule))
            return mn_fail(error, "%s of %s must be strings as cells are read, however: %s", key, what,
                           json_is_string(value) ? mn_shown(mn_json_text(value)) : "one is none");
        found[i] = mn_copy(memory, mn_json_text(value));
    }
    *texts = found;
    *n = json_array_size(array);
    qsort(found, *n, sizeof *found, mn_compare);
    for (i = 1; i < *n; i++)
        if (mn_equals(found[i - 1], found[i]))
            return mn_fail(error, "%s of %s must be unique, however: %s comes twice", key, what, mn_shown(found[i]));
    return 1;
}

static int is_trimmed(mn_text text, const mn_rule *rule)
{
    (void)rule;
    return mn_trimmed(text).n == text.n;
}

static int is_category(mn_text text, const mn_rule *rule)
{
    mothernet_cell cell = {MOTHERNET_TEXT, text.at, text.n, 0, 0};
    mn_memory memory = {NULL};
    mn_text read;
    int is_same = mn_read_category(rule, &cell, &memory, &read) && mn_equals(read, text);
    mn_release(&memory);
    return is_same;
}

int mn_read_rule(const void *json, const char *what, mn_memory *memory, mn_rule *rule, mothernet_error *error)
{
    const json_t *entry = json, *missing, *affix;
    int type = take_choice(entry, "type", COLUMN_TYPES, what, error), decimal, group, pattern;
    *rule = (mn_rule){.type = (mn_type)type, .decimal = '.', .group = {"", 0}, .affix = {"", 0}};
    if (type < 0) return 0;
    if (type == MN_IGNORED) return 1;
    if (!(missing = mn_json_take(entry, "missing", JSON_ARRAY, what, error))) return 0;
    if (!take_texts(missing, "missing", what, is_trimmed, rule, memory, &rule->missing, &rule->n_missing, error))
        return 0;
    if (type == MN_DATE) {
        pattern = take_choice(entry, "pattern", PATTERNS, what, error);
        rule->pattern = (mn_pattern)pattern;
        return pattern >= 0;
    }
    if (type == MN_CATEGORY) return take_boolean(entry, "integers", what, &rule->integers, error);
    if (type == MN_BOOLEAN) return 1;
    if ((decimal = take_choice(entry, "decimal", DECIMALS, what, error)) < 0) return 0;
    if ((group = take_choice(entry, "group", GROUPS, what, error)) < 0) return 0;
    if (strcmp(DECIMALS[decimal], GROUPS[group]) == 0)
        return mn_fail(error, "decimal and group of %s must differ, however: they are the same", what);
    rule->decimal = DECIMALS[decimal][0];
    rule->group = mn_string(GROUPS[group]);
    if (!(affix = mn_json_take(entry, "affix", JSON_STRING, what, error))) return 0;
    rule->affix = mn_copy(memory, mn_json_text(affix));
    if (mn_trimmed_spaces(rule->affix, 1, 1).n != rule->affix.n)
        return mn_fail(error, "affix of %s must be trimmed, however: %s", what, mn_shown(rule->affix));
    return take_boolean(entry, "percent", what, &rule->percent, error);
}

/* The inputs of the graph that a column becomes; `count` is of those before. */
static int read_inputs(const json_t *entry, const char *what, mn_column *column, size_t *count, mothernet_error *error)
{
    static const char *const matrices[][2] = {{"numeric", NULL}, {"categorical", NULL}};
    int is_category_column = column->rule.type == MN_CATEGORY, is_date = column->rule.type == MN_DATE;
    size_t most = column->rule.type == MN_IGNORED ? 0 : is_date ? 4 : 1, i, k;
    const json_t *inputs = mn_json_take(entry, "inputs", JSON_ARRAY, what, error), *value, *number;
    if (!inputs) return 0;
    if (json_array_size(inputs) > most || json_array_size(inputs) < (most > 0))
        return mn_fail(error, "inputs of %s must be as many as fit its type, however: %zu", what,
                       json_array_size(inputs));
    column->n_inputs = json_array_size(inputs);
    json_array_foreach(inputs, i, value)
    {
        mn_input *input = &column->inputs[i];
        int part;
        if (!json_is_object(value)) return mn_fail(error, "inputs of %s must be objects, however: one is none", what);
        if (take_choice(value, "input", matrices[is_category_column], what, error) < 0) return 0;
        if (!(number = mn_json_take(value, "position", JSON_INTEGER, what, error))) return 0;
        if (json_integer_value(number) != (json_int_t)*count)
            return mn_fail(error, "position of %s must be %zu, however: it is not", what, *count);
        *input = (mn_input){(*count)++, MN_VALUE, 0};
        if (is_category_column) return 1;
        if ((part = take_choice(value, "part", PARTS, what, error)) < 0) return 0;
        if ((part != MN_VALUE) != is_date)
            return mn_fail(error, "part of %s must fit its type, however: %s", what, PARTS[part]);
        input->part = (mn_part)part;
        for (k = 0; k < i; k++)
            if (column->inputs[k].part == input->part)
                return mn_fail(error, "parts of %s must be unique, however: %s comes twice", what, PARTS[part]);
        number = json_object_get(value, "offset");
        if (!json_is_number(number) || !isfinite(json_number_value(number)))
            return mn_fail(error, "offset of %s must be a finite number, however: it is not", what);
        input->offset = json_number_value(number);
    }
    return 1;
}

static int read_column(const json_t *entry, mn_column *column, mn_model_file *file, mothernet_error *error)
{
    const json_t *name, *categories;
    char what[100];
    int has_blank;
    if (!json_is_object(entry)) return mn_fail(error, "columns must be objects, however: one is none");
    if (!(name = mn_json_take(entry, "name", JSON_STRING, "a column", error))) return 0;
    column->name = mn_copy(&file->memory, mn_json_text(name));
    snprintf(what, sizeof what, "column %s", mn_shown(column->name));
    if (!mn_read_rule(entry, what, &file->memory, &column->rule, error) ||
        !take_boolean(entry, "used", what, &column->used, error) ||
        !take_boolean(entry, "missing_in_training", what, &column->missing_in_training, error) ||
        !read_inputs(entry, what, column, column->rule.type == MN_CATEGORY ? &file->n_categorical : &file->n_numeric,
                     error))
        return 0;
    if (column->rule.type != MN_CATEGORY) {
        if (json_object_get(entry, "categories"))
            return mn_fail(error, "%s is no category and must have no categories, however: it has", what);
        if ((column->missing_in_training && !column->used) || (column->used && column->rule.type == MN_IGNORED))
            return mn_fail(error, "used and missing_in_training of %s must fit its type, however: they do not", what);
        return 1;
    }
    if (!(categories = mn_json_take(entry, "categories", JSON_ARRAY, what, error))) return 0;
    if (!take_texts(categories, "categories", what, is_category, &column->rule, &file->memory, &column->categories,
                    &column->n_categories, error))
        return 0;
    has_blank = mn_contains(column->categories, column->n_categories, (mn_text){"", 0});
    if (column->used != (column->n_categories > 0) || column->missing_in_training != has_blank)
        return mn_fail(error, "used and missing_in_training of %s must fit its categories, however: they do not", what);
    return 1;
}

static int read_columns(const json_t *schema, mn_model_file *file, mothernet_error *error)
{
    const json_t *columns = mn_json_take(schema, "columns", JSON_ARRAY, "the schema", error), *entry;
    mn_text *names;
    size_t i;
    if (!columns) return 0;
    file->n_columns = json_array_size(columns);
    file->columns = mn_take(&file->memory, file->n_columns, sizeof *file->columns);
    names = mn_take(&file->memory, file->n_columns, sizeof *names);
    json_array_foreach(columns, i, entry)
    {
        if (!read_column(entry, &file->columns[i], file, error)) return 0;
        names[i] = file->columns[i].name;
        file->n_read += file->columns[i].rule.type != MN_IGNORED;
    }
    qsort(names, file->n_columns, sizeof *names, mn_compare);
    for (i = 1; i < file->n_columns; i++)
        if (mn_equals(names[i - 1], names[i]))
            return mn_fail(error, "names of columns must be unique, however: %s comes twice", mn_shown(names[i]));
    return file->n_read > 0 ||
           mn_fail(error, "the schema must have a column that is not ignored, however: it has none");
}

/* Whether a class comes behind the one before. */
static int is_in_order(const mothernet_label *before, const mothernet_label *label)
{
    mn_text a = mn_string(before->text), b = mn_string(label->text);
    if (label->type == MOTHERNET_FLOAT_LABEL) return before->number < label->number;
    return label->type == MOTHERNET_STRING_LABEL ? mn_compare(&a, &b) < 0 : before->integer < label->integer;
}

static int read_classes(const json_t *schema, mn_model_file *file, mothernet_error *error)
{
    int type = take_choice(schema, "label_type", LABEL_TYPES, "the schema", error);
    const json_t *classes = mn_json_take(schema, "classes", JSON_ARRAY, "the schema", error), *value;
    size_t i;
    if (type < 0 || !classes) return 0;
    file->n_classes = json_array_size(classes);
    file->classes = mn_take(&file->memory, file->n_classes, sizeof *file->classes);
    json_array_foreach(classes, i, value)
    {
        mothernet_label *label = &file->classes[i];
        char text[32] = "";
        int is_right = type == MOTHERNET_STRING_LABEL    ? json_is_string(value)
                       : type == MOTHERNET_INTEGER_LABEL ? json_is_integer(value)
                       : type == MOTHERNET_BOOLEAN_LABEL ? json_is_boolean(value)
                                                         : json_is_number(value);
        if (!is_right)
            return mn_fail(error, "a class must be of label_type %s and 64 bits, however: one is not",
                           LABEL_TYPES[type]);
        label->type = (mothernet_label_type)type;
        label->integer = type == MOTHERNET_BOOLEAN_LABEL ? json_is_true(value) : json_integer_value(value);
        label->number = json_number_value(value);
        if (type == MOTHERNET_INTEGER_LABEL) snprintf(text, sizeof text, "%lld", (long long)label->integer);
        if (type == MOTHERNET_BOOLEAN_LABEL) strcpy(text, label->integer ? "True" : "False");
        if (type == MOTHERNET_FLOAT_LABEL) mn_float_text(label->number, text);
        label->text = mn_copy(&file->memory, json_is_string(value) ? mn_json_text(value) : mn_string(text)).at;
        if (i > 0 && !is_in_order(label - 1, label))
            return mn_fail(error, "classes must be strictly increasing, however: %s comes too late",
                           mn_shown(mn_string(label->text)));
    }
    return file->n_classes > 1 || mn_fail(error, "classes must be at least two, however: %zu", file->n_classes);
}

static int check_matrices(const mn_container *container, const mn_model_file *file, mothernet_error *error)
{
    char inputs[160] = "", outputs[160];
    size_t n = 0;
    if (file->n_numeric) n = (size_t)snprintf(inputs, sizeof inputs, "numeric (float32 [N, %zu])", file->n_numeric);
    if (file->n_categorical)
        snprintf(inputs + n, sizeof inputs - n, "%scategorical (string [N, %zu])", n ? ", " : "", file->n_categorical);
    snprintf(outputs, sizeof outputs, "label (%s [N]), probabilities (float32 [N, %zu])",
             file->classes[0].type == MOTHERNET_INTEGER_LABEL ? "int64" : "string", file->n_classes);
    if (!mn_is(container->inputs, inputs))
        return mn_fail(error, "inputs of the graph must be %s, however: %.200s", inputs, container->inputs.at);
    if (!mn_is(container->outputs, outputs))
        return mn_fail(error, "outputs of the graph must be %s, however: %.200s", outputs, container->outputs.at);
    return 1;
}

static int check_versions(const json_t *versions, mothernet_error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)versions, key, value) if (!json_is_string(value)) return mn_fail(
        error, "versions must be strings, however: one is none");
    return 1;
}

static int read_metadata(mn_text bytes, mn_text values[5], mn_model_file *file, mn_container *container,
                         mothernet_error *error)
{
    static const char *const keys[] = {"mothernet.schema", "mothernet.schema_hash", "mothernet.graph_hash",
                                       "mothernet.versions", "mothernet.self_test"};
    char hash[65];
    mn_text format, form;
    if (!mn_read_metadata(bytes, &file->memory, container, error)) return 0;
    if (!mn_find_metadata(container, "mothernet.format", &format))
        return mn_fail(error, "not an ONNX file of MotherNet: its metadata has no mothernet.format");
    if (!mn_is(format, "2"))
        return mn_fail(error, "the format must be 2, the only one known here, however: %s", mn_shown(format));
    if (mn_find_metadata(container, "mothernet.form", &form) && !mn_is(form, "full"))
        return mn_fail(error, "the form must be full, however: %s. Export the file without --form", mn_shown(form));
    for (int i = 0; i < 5; i++)
        if (!mn_find_metadata(container, keys[i], &values[i]))
            return mn_fail(error, "the metadata must have the key %s, however: it is missing", keys[i]);
    mn_sha256(values[0], hash);
    if (!mn_is(values[1], hash)) return mn_fail(error, "the schema must match its hash, however: it does not");
    if (!mn_check_container(bytes, &file->memory, container, error)) return 0;
    return mn_is(values[2], container->graph_hash) ||
           mn_fail(error, "the graph must match its hash, however: it does not");
}

int mn_read_model(mn_text bytes, mn_model_file *file, mothernet_error *error)
{
    mn_container container;
    mn_text values[5];
    json_t *schema = NULL, *versions = NULL, *test = NULL;
    const json_t *width;
    int is_right;
    memset(file, 0, sizeof *file);
    is_right = read_metadata(bytes, values, file, &container, error) &&
               (versions = parse(values[3], "versions", error)) && check_versions(versions, error) &&
               (schema = parse(values[0], "the schema", error)) &&
               (width = mn_json_take(schema, "width", JSON_INTEGER, "the schema", error)) &&
               (json_integer_value(width) >= 0 || mn_fail(error, "width must be at least 0, however: it is less")) &&
               read_classes(schema, file, error) && read_columns(schema, file, error) &&
               check_matrices(&container, file, error) && (test = parse(values[4], "the self_test", error)) &&
               mn_read_self_test(test, file, error);
    json_decref(schema);
    json_decref(versions);
    json_decref(test);
    if (!is_right) mn_release(&file->memory);
    return is_right;
}
