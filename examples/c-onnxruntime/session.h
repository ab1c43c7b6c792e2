/* Runs the graph in onnxruntime, whose shared library is loaded at run time; rows and columns are not decided here. */

#ifndef MN_SESSION_H
#define MN_SESSION_H

#include "schema.h"

typedef struct mn_session mn_session;

/* NULL and a message if onnxruntime cannot open the bytes of a model. */
mn_session *mn_open_session(const mothernet_runtime *runtime, mn_text bytes, mothernet_error *error);
void mn_close_session(mn_session *session);

/* Numbers and texts of the inputs, row after row, to the numbers of classes and probabilities; 0 and a message if that
   fails. */
int mn_run(const mn_session *session, const mn_model_file *file, size_t n_rows, float *numeric,
           const char *const *categorical, size_t *classes, float *probabilities, mn_memory *memory,
           mothernet_error *error);

#endif
