/* Counts of the cells that a model knows, for mothernet_complains. */

#ifndef MN_COVERAGE_H
#define MN_COVERAGE_H

#include "session.h"

struct mothernet_model {
    mn_session *session;
    mn_model_file file;
    const mn_column **read; /* columns that are not ignored */
    int ignore_extra;       /* rows may have columns that the model does not know */
};

struct mothernet_coverage {
    const mothernet_model *model;
    mn_memory memory;
    size_t n_rows;
    struct count {
        int has_value;
        size_t n_unseen;
        mn_text example; /* of those */
    } *counts; /* of columns that are read */
};

/* Counts a category of a column among those that are read. */
void mn_count_text(mothernet_coverage *coverage, size_t column, mn_text text);

#endif
