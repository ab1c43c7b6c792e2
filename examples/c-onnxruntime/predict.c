/* Predicts the rows of a CSV file:

       ./predict model.onnx rows.csv > predicted.csv
       ./predict model.onnx rows.csv --delimiter semicolon --encoding windows-1252 > predicted.csv
       ./predict model.onnx rows.csv --ignore-extra > predicted.csv

   The library is that of the environment variable ORT_DYLIB_PATH, else libonnxruntime.so where the loader finds it. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"

#define USAGE "usage: predict MODEL.onnx ROWS.csv [--delimiter D] [--encoding NAME] [--ignore-extra]"

enum { ROWS_AT_ONCE = 10000, CELLS_AT_ONCE = 1000000 };

/* Output that appears whole or not at all. */
typedef struct {
    char *at;
    size_t n;
    FILE *stream;
} output;

/* One line about a file and a line of it. */
static int say(const char *kind, const char *path, size_t line, const char *text)
{
    char number[40] = "";
    if (line) snprintf(number, sizeof number, "line %zu: ", line);
    fputs("predict: ", stderr);
    mn_print(stderr, kind);
    if (path) mn_print(stderr, path), fputs(": ", stderr);
    fputs(number, stderr);
    mn_print(stderr, text);
    fputc('\n', stderr);
    return 2;
}

static void write_cell(FILE *stream, const char *prefix, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fprintf(stream, "%s%s", prefix, text);
        return;
    }
    fprintf(stream, "\"%s", prefix);
    for (; *text; text++) {
        if (*text == '"') fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}

/* Reads up to `most` rows and writes their answers; how many there were, or -1. */
static long predict_some(const mothernet_model *model, mn_csv *csv, const char *const *names, size_t most,
                         mothernet_coverage *coverage, FILE *stream, size_t *line, mothernet_error *error)
{
    mn_memory memory = {NULL};
    size_t n_classes = mothernet_count_classes(model), n = 0, i, k;
    mothernet_cell *cells = mn_take(&memory, most * csv->n_names, sizeof *cells);
    size_t *lines = mn_take(&memory, most, sizeof *lines);
    size_t *classes = mn_take(&memory, most, sizeof *classes);
    float *probabilities = mn_take(&memory, most * n_classes, sizeof *probabilities);
    mn_row row;
    int taken = 1, is_right;
    while (n < most && (taken = mn_next_row(csv, &memory, &row, error)) == 1) {
        for (k = 0; k < row.n; k++)
            cells[n * row.n + k] = (mothernet_cell){MOTHERNET_TEXT, row.cells[k].at, row.cells[k].n, 0, 0};
        lines[n++] = row.line;
    }
    is_right =
        taken >= 0 && mothernet_predict(model, csv->n_names, names, n, cells, classes, probabilities, coverage, error);
    if (taken >= 0 && !is_right && error->row < n) *line = lines[error->row];
    for (i = 0; is_right && i < n; i++) {
        write_cell(stream, "", mothernet_class(model, classes[i])->text);
        for (k = 0; k < n_classes; k++) fprintf(stream, ",%.9g", (double)probabilities[i * n_classes + k]);
        fputc('\n', stream);
    }
    mn_release(&memory);
    return is_right ? (long)n : -1;
}

static int write_out(output *out)
{
    fflush(out->stream);
    if (fwrite(out->at, 1, out->n, stdout) == out->n && fflush(stdout) == 0) return 0;
    return say("error: the predictions must be written, however: ", NULL, 0, strerror(errno));
}

static int predict(mothernet_runtime *runtime, const char *model_path, const char *rows_path, const char *delimiter,
                   const char *encoding, int ignore_extra, output *out)
{
    mothernet_error error;
    mn_memory memory = {NULL};
    mn_text bytes = {"", 0};
    mn_csv csv;
    const char **names;
    size_t line = 0, most = 0, i;
    long n = 0;
    int code;
    mothernet_coverage *coverage;
    mothernet_model *model = mothernet_load(runtime, model_path, &error);
    if (!model) return say("error: ", model_path, 0, error.text);
    mothernet_ignore_extra(model, ignore_extra);
    coverage = mothernet_new_coverage(model);
    if (!mn_read_file(rows_path, &memory, &bytes, &error) ||
        !mn_open_csv(bytes, delimiter, encoding, &memory, &csv, &error))
        n = -1;
    if (n == 0) {
        most = csv.n_names > mothernet_count_classes(model) ? csv.n_names : mothernet_count_classes(model);
        most = CELLS_AT_ONCE / most < ROWS_AT_ONCE ? 1 + CELLS_AT_ONCE / most : ROWS_AT_ONCE;
        names = mn_take(&memory, csv.n_names, sizeof *names);
        for (i = 0; i < csv.n_names; i++) names[i] = mn_copy(&memory, csv.names[i]).at;
        fputs("label", out->stream);
        for (i = 0; i < mothernet_count_classes(model); i++) {
            fputc(',', out->stream);
            write_cell(out->stream, "probability_", mothernet_class(model, i)->text);
        }
        fputc('\n', out->stream);
        n = mothernet_predict(model, csv.n_names, names, 0, NULL, NULL, NULL, NULL, &error) ? (long)most : -1;
        while (n == (long)most) n = predict_some(model, &csv, names, most, coverage, out->stream, &line, &error);
    }
    code = n < 0 ? say("error: ", rows_path, line, error.text) : write_out(out);
    if (code == 0 && mothernet_complains(coverage, &error)) say("warning: ", rows_path, 0, error.text);
    mothernet_free_coverage(coverage);
    mothernet_free(model);
    mn_release(&memory);
    return code;
}

int main(int argc, char **argv)
{
    const char *paths[2] = {NULL, NULL}, *delimiter = NULL, *encoding = NULL, *library = getenv("ORT_DYLIB_PATH");
    mothernet_error error;
    mothernet_runtime *runtime;
    output out = {NULL, 0, NULL};
    int n = 0, code, ignore_extra = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--delimiter") == 0 && i + 1 < argc) delimiter = argv[++i];
        else if (strcmp(argv[i], "--encoding") == 0 && i + 1 < argc) encoding = argv[++i];
        else if (strcmp(argv[i], "--ignore-extra") == 0) ignore_extra = 1;
        else if (n++ < 2) paths[n - 1] = argv[i];
    }
    if (n != 2) return say("error: ", NULL, 0, USAGE);
    runtime = mothernet_open_runtime(library ? library : "libonnxruntime.so", &error);
    if (!runtime) return say("error: ", NULL, 0, error.text);
    out.stream = open_memstream(&out.at, &out.n);
    code = out.stream ? predict(runtime, paths[0], paths[1], delimiter, encoding, ignore_extra, &out) : 2;
    if (out.stream) fclose(out.stream);
    free(out.at);
    mothernet_close_runtime(runtime);
    return code;
}
