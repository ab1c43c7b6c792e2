#include "coverage.h"

#include <stdio.h>
#include <string.h>

enum { MIN_ROWS = 5 }; /* fewer may be odd by chance */

void mn_count_text(mothernet_coverage *coverage, size_t c, mn_text text)
{
    const mn_column *column = coverage->model->read[c];
    struct count *count = &coverage->counts[c];
    if (text.n == 0) return;
    count->has_value = 1;
    if (mn_contains(column->categories, column->n_categories, text)) return;
    if (count->n_unseen++ == 0) count->example = mn_copy(&coverage->memory, text);
}

mothernet_coverage *mothernet_new_coverage(const mothernet_model *model)
{
    mn_memory memory = {NULL};
    mothernet_coverage *coverage = mn_take(&memory, 1, sizeof *coverage);
    coverage->model = model;
    coverage->counts = mn_take(&memory, model->file.n_read, sizeof *coverage->counts);
    coverage->memory = memory;
    return coverage;
}

void mothernet_free_coverage(mothernet_coverage *coverage)
{
    mn_memory memory = {NULL};
    if (coverage) memory = coverage->memory; /* which holds the coverage too */
    mn_release(&memory);
}

int mothernet_complains(const mothernet_coverage *coverage, mothernet_error *complaint)
{
    size_t n = 0;
    complaint->text[0] = 0;
    complaint->row = SIZE_MAX;
    if (coverage->n_rows < MIN_ROWS) return 0;
    for (size_t c = 0; c < coverage->model->file.n_read && n < 700; c++) {
        const mn_column *column = coverage->model->read[c];
        const struct count *count = &coverage->counts[c];
        char *at = complaint->text + n;
        size_t size = sizeof complaint->text - n;
        if (!column->used) continue;
        if (!column->missing_in_training && !count->has_value)
            snprintf(at, size, "%sin column %s all cells are missing, as none was in training", n ? "; " : "",
                     mn_shown(column->name));
        else if (2 * count->n_unseen > coverage->n_rows)
            snprintf(
                at, size, "%s%zu of %zu cells of column %s are categories that the model does not know, such as %s",
                n ? "; " : "", count->n_unseen, coverage->n_rows, mn_shown(column->name), mn_shown(count->example));
        n = strlen(complaint->text);
    }
    if (n)
        snprintf(complaint->text + n, sizeof complaint->text - n, ". Check that the rows are written as in training.");
    return n > 0;
}
