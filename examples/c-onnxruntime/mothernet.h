/* Predicts with a MotherNet .onnx file through onnxruntime, whose shared library is loaded at run time.

   Raw cells in, classes and probabilities out. A model may be shared by threads: predicting changes nothing in it. */

#ifndef MOTHERNET_H
#define MOTHERNET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mothernet_runtime mothernet_runtime;   /* onnxruntime; one per process */
typedef struct mothernet_model mothernet_model;       /* a loaded file; its session is opened once */
typedef struct mothernet_coverage mothernet_coverage; /* counts of the cells that a model knows */

typedef struct {
    char text[1024]; /* one message in UTF-8; names and cells in it are shortened */
    size_t row;      /* of a cell that does not fit, from 0; SIZE_MAX if it is about something else */
} mothernet_error;

typedef enum {
    MOTHERNET_MISSING,
    MOTHERNET_TEXT,
    MOTHERNET_NUMBER,
    MOTHERNET_INTEGER,
    MOTHERNET_BOOLEAN
} mothernet_cell_type;

typedef struct {
    mothernet_cell_type type;
    const char *text; /* UTF-8, as a CSV file has it; `length` bytes */
    size_t length;
    double number;   /* of MOTHERNET_NUMBER */
    int64_t integer; /* of MOTHERNET_INTEGER; 0 or 1 of MOTHERNET_BOOLEAN */
} mothernet_cell;

typedef enum {
    MOTHERNET_STRING_LABEL,
    MOTHERNET_INTEGER_LABEL,
    MOTHERNET_BOOLEAN_LABEL,
    MOTHERNET_FLOAT_LABEL
} mothernet_label_type;

typedef struct {
    mothernet_label_type type;
    const char *text; /* as the file writes it, whatever the type: True, 0.5, 2.0 */
    int64_t integer;  /* 0 or 1 of a boolean */
    double number;    /* of a float */
} mothernet_label;

/* Loads the library, with its telemetry off; NULL and a message if that fails. */
mothernet_runtime *mothernet_open_runtime(const char *library, mothernet_error *error);
void mothernet_close_runtime(mothernet_runtime *runtime);

/* Opens a file, checks it against its format and runs its self-test; NULL and a message if that fails. */
mothernet_model *mothernet_load(mothernet_runtime *runtime, const char *path, mothernet_error *error);
void mothernet_free(mothernet_model *model);

/* Whether rows may have columns that the model does not know; not while another thread predicts. */
void mothernet_ignore_extra(mothernet_model *model, int ignore);

size_t mothernet_count_columns(const mothernet_model *model);
const char *mothernet_column(const mothernet_model *model, size_t column);
int mothernet_is_ignored(const mothernet_model *model, size_t column); /* rows may leave it out */
size_t mothernet_count_classes(const mothernet_model *model);
const mothernet_label *mothernet_class(const mothernet_model *model, size_t number);

/* Predicts `n_rows` rows of `n_columns` cells each, row after row, whose names may stand in any order.

   Writes the number of the class of each row, and its probabilities in the order of the classes. Counts cells in
   `coverage` unless that is NULL. Returns 1, or 0 and a message if names or cells do not fit the model. */
int mothernet_predict(const mothernet_model *model, size_t n_columns, const char *const *names, size_t n_rows,
                      const mothernet_cell *cells, size_t *classes, float *probabilities, mothernet_coverage *coverage,
                      mothernet_error *error);

/* Tells whether rows look as if they were written in another way than those of training. */
mothernet_coverage *mothernet_new_coverage(const mothernet_model *model);
void mothernet_free_coverage(mothernet_coverage *coverage);
int mothernet_complains(const mothernet_coverage *coverage, mothernet_error *complaint);

#ifdef __cplusplus
}
#endif

#endif
