/* Reads CSV files as section 2.8 of FORMAT.md says: delimiter and encoding found or given, cells as text. */

#ifndef MN_CSV_H
#define MN_CSV_H

#include "text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A file, decoded. */
typedef struct {
    mn_text text; /* UTF-8 without a byte order mark */
    const char *encoding;
    char delimiter;
    size_t at, line, n_cells;
    mn_text *names;
    size_t n_names;
} mn_csv;

typedef struct {
    mn_text *cells; /* as many as names */
    size_t n, line; /* the line on which it starts, from 1 */
} mn_row;

/* Opens the bytes of a file; `delimiter` and `encoding` are NULL where they are to be found. 0 and a message if that
   fails. Bytes and memory must outlast the result. */
int mn_open_csv(mn_text bytes, const char *delimiter, const char *encoding, mn_memory *memory, mn_csv *csv,
                mothernet_error *error);

/* The next row: 1, or 0 at the end, or -1 and a message. */
int mn_next_row(mn_csv *csv, mn_memory *memory, mn_row *row, mothernet_error *error);

#ifdef __cplusplus
}
#endif

#endif
