#include "mothernet.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coverage.h"
#include "session.h"

enum { ROWS_PER_CALL = 1000 };

static const double TOLERANCE = 1e-5; /* of a probability */
static const double CLEAR_GAP = 1e-3; /* between the two largest of a row whose label no rounding changes */

static pthread_once_t locale_once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* Numbers have decimal points in this thread, whatever the program has set; returns what was before. */
static locale_t enter_locale(void)
{
    pthread_once(&locale_once, make_locale);
    return uselocale(c_locale);
}

/* Adds to a list of complaints, as long as there is room; 480 bytes are enough for six names. */
static void complain(char list[480], mn_text name, const char *what)
{
    size_t n = strlen(list);
    if (n < 360) snprintf(list + n, 480 - n, "%s%s%s", n ? ", " : "", mn_shown(name), what);
}

typedef struct {
    mn_text name;
    size_t place;
} placed;

/* Columns of the model that are read, by their places among the names of the rows. */
static int find_columns(const mothernet_model *model, size_t n, const char *const *names, size_t *places,
                        mn_memory *memory, mothernet_error *error)
{
    const mn_model_file *file = &model->file;
    placed *sorted = mn_take(memory, n, sizeof *sorted); /* by name, with which a placed begins */
    mn_text *known = mn_take(memory, file->n_columns, sizeof *known);
    char problem[480] = "", needed[480] = "";
    size_t i;
    for (i = 0; i < n; i++) sorted[i] = (placed){mn_trimmed(mn_string(names[i])), i};
    for (i = 0; i < file->n_columns; i++) known[i] = mn_trimmed(file->columns[i].name);
    qsort(sorted, n, sizeof *sorted, mn_compare);
    qsort(known, file->n_columns, sizeof *known, mn_compare);
    for (i = 0; i < file->n_read; i++) {
        mn_text name = mn_trimmed(model->read[i]->name);
        const placed *found = bsearch(&name, sorted, n, sizeof *sorted, mn_compare);
        if (found) places[i] = found->place;
        else complain(problem, name, " is missing");
        complain(needed, name, "");
    }
    for (i = 0; i < n; i++) {
        int is_known = mn_contains(known, file->n_columns, sorted[i].name);
        if (!is_known && model->ignore_extra) continue;
        if (!is_known) complain(problem, sorted[i].name, " is unknown");
        if (i > 0 && mn_equals(sorted[i - 1].name, sorted[i].name)) complain(problem, sorted[i].name, " is repeated");
    }
    return problem[0] == 0 || mn_fail(error, "the rows must have the %zu columns %s%s, however: %s", file->n_read,
                                      needed, strlen(needed) < 360 ? "" : ", ...", problem);
}

static int refuse(const mn_column *column, const mothernet_cell *cell, size_t row, mothernet_error *error)
{
    static const char *const what[] = {"numbers", "true or false", "dates or times", "texts in UTF-8 without U+0000"};
    const char *shown = cell->type == MOTHERNET_TEXT ? mn_shown((mn_text){cell->text, cell->length}) : "a typed value";
    mn_fail(error, "column %s must hold %s, however: %s", mn_shown(column->name), what[column->rule.type], shown);
    error->row = row;
    return 0;
}

/* Numbers and texts of the inputs of the graph, row after row. */
static int read_rows(const mothernet_model *model, const size_t *places, size_t n_columns, size_t first, size_t n_rows,
                     const mothernet_cell *cells, float *numeric, const char **categorical,
                     mothernet_coverage *coverage, mn_memory *memory, mothernet_error *error)
{
    const mn_model_file *file = &model->file;
    for (size_t i = 0; i < n_rows; i++)
        for (size_t c = 0; c < file->n_read; c++) {
            const mn_column *column = model->read[c];
            const mothernet_cell *cell = &cells[(first + i) * n_columns + places[c]];
            mn_text text;
            double value;
            if (column->rule.type == MN_CATEGORY) {
                if (!mn_read_category(&column->rule, cell, memory, &text))
                    return refuse(column, cell, first + i, error);
                if (coverage) mn_count_text(coverage, c, text);
                categorical[i * file->n_categorical + column->inputs[0].position] = text.at;
                continue;
            }
            if (!mn_read_number(&column->rule, cell, &value)) return refuse(column, cell, first + i, error);
            if (coverage) coverage->counts[c].has_value |= !isnan(value);
            for (size_t k = 0; k < column->n_inputs; k++) {
                const mn_input *input = &column->inputs[k];
                double number = mn_date_part(value, input->part) - input->offset;
                numeric[i * file->n_numeric + input->position] = (float)number;
            }
        }
    if (coverage) coverage->n_rows += n_rows;
    return 1;
}

static int predict(const mothernet_model *model, const size_t *places, size_t n_columns, size_t n_rows,
                   const mothernet_cell *cells, size_t *classes, float *probabilities, mothernet_coverage *coverage,
                   mothernet_error *error)
{
    const mn_model_file *file = &model->file;
    int is_right = 1;
    for (size_t first = 0; is_right && first < n_rows; first += ROWS_PER_CALL) {
        size_t n = n_rows - first < ROWS_PER_CALL ? n_rows - first : ROWS_PER_CALL;
        mn_memory memory = {NULL};
        float *numeric = mn_take(&memory, n * file->n_numeric, sizeof *numeric);
        const char **categorical = mn_take(&memory, n * file->n_categorical, sizeof *categorical);
        is_right =
            read_rows(model, places, n_columns, first, n, cells, numeric, categorical, coverage, &memory, error) &&
            mn_run(model->session, file, n, numeric, categorical, classes + first,
                   probabilities + first * file->n_classes, &memory, error);
        mn_release(&memory);
    }
    return is_right;
}

/* Whether rounding may make each of two classes the label. */
static int is_tie(const double *recorded, size_t n, size_t a, size_t b)
{
    double first = -1, second = -1;
    for (size_t k = 0; k < n; k++) {
        if (recorded[k] > first) second = first, first = recorded[k];
        else if (recorded[k] > second) second = recorded[k];
    }
    return first - second <= CLEAR_GAP && recorded[a] >= first - 2 * TOLERANCE && recorded[b] >= first - 2 * TOLERANCE;
}

/* Predicts the rows in the file whose answers it holds. */
static int self_test(const mothernet_model *model, mothernet_error *error)
{
    const mn_model_file *file = &model->file;
    mn_memory memory = {NULL};
    size_t places_count = file->n_read, n = file->n_classes, classes[8];
    size_t *places = mn_take(&memory, places_count, sizeof *places);
    float *probabilities = mn_take(&memory, file->n_test_rows * n, sizeof *probabilities);
    int is_right;
    for (size_t i = 0; i < places_count; i++) places[i] = i;
    is_right =
        predict(model, places, file->n_read, file->n_test_rows, file->test_cells, classes, probabilities, NULL, error);
    for (size_t i = 0; is_right && i < file->n_test_rows; i++) {
        const double *recorded = file->test_probabilities + i * n;
        const float *found = probabilities + i * n;
        double sum = 0, difference = 0;
        for (size_t k = 0; k < n; k++) {
            sum += (double)found[k];
            difference = fmax(difference, found[k] >= 0 ? fabs((double)found[k] - recorded[k]) : 1);
        }
        if (!(fabs(sum - 1) <= 1e-3) || !(difference <= TOLERANCE))
            is_right = mn_fail(error, "the self-test must give the answers of the file, however: row %zu does not", i);
        else if (classes[i] != file->test_classes[i] && !is_tie(recorded, n, classes[i], file->test_classes[i]))
            is_right = mn_fail(error, "the self-test must give the labels of the file, however: row %zu does not", i);
    }
    mn_release(&memory);
    return is_right;
}

mothernet_model *mothernet_load(mothernet_runtime *runtime, const char *path, mothernet_error *error)
{
    locale_t before = enter_locale();
    mothernet_model *model = calloc(1, sizeof *model);
    mn_memory memory = {NULL};
    mn_text bytes;
    int is_right = model && mn_read_file(path, &memory, &bytes, error) && mn_read_model(bytes, &model->file, error);
    if (is_right) {
        size_t n = 0;
        model->read = mn_take(&model->file.memory, model->file.n_read, sizeof *model->read);
        for (size_t i = 0; i < model->file.n_columns; i++)
            if (model->file.columns[i].rule.type != MN_IGNORED) model->read[n++] = &model->file.columns[i];
        is_right = (model->session = mn_open_session(runtime, bytes, error)) && self_test(model, error);
    }
    mn_release(&memory);
    if (!is_right) {
        mothernet_free(model);
        model = NULL;
    }
    uselocale(before);
    return model;
}

void mothernet_free(mothernet_model *model)
{
    if (!model) return;
    mn_close_session(model->session);
    mn_release(&model->file.memory);
    free(model);
}

int mothernet_predict(const mothernet_model *model, size_t n_columns, const char *const *names, size_t n_rows,
                      const mothernet_cell *cells, size_t *classes, float *probabilities, mothernet_coverage *coverage,
                      mothernet_error *error)
{
    locale_t before = enter_locale();
    mn_memory memory = {NULL};
    size_t *places = mn_take(&memory, model->file.n_read, sizeof *places);
    int is_right = find_columns(model, n_columns, names, places, &memory, error) &&
                   predict(model, places, n_columns, n_rows, cells, classes, probabilities, coverage, error);
    mn_release(&memory);
    uselocale(before);
    return is_right;
}

void mothernet_ignore_extra(mothernet_model *model, int ignore)
{
    model->ignore_extra = ignore;
}

size_t mothernet_count_columns(const mothernet_model *model)
{
    return model->file.n_columns;
}

const char *mothernet_column(const mothernet_model *model, size_t column)
{
    return model->file.columns[column].name.at;
}

int mothernet_is_ignored(const mothernet_model *model, size_t column)
{
    return model->file.columns[column].rule.type == MN_IGNORED;
}

size_t mothernet_count_classes(const mothernet_model *model)
{
    return model->file.n_classes;
}

const mothernet_label *mothernet_class(const mothernet_model *model, size_t number)
{
    return &model->file.classes[number];
}
