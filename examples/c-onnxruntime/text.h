/* Texts, the memory that holds them, the files they come from, and messages about them. */

#ifndef MN_TEXT_H
#define MN_TEXT_H

#include <stdio.h>

#include "mothernet.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const char *at; /* UTF-8 */
    size_t n;       /* bytes */
} mn_text;

/* Memory that is freed at once. */
typedef struct {
    struct mn_piece *last;
} mn_memory;

/* `count` zeroed elements, at least one. Where memory is exhausted, the program ends, as with most C++ programs. */
void *mn_take(mn_memory *memory, size_t count, size_t size);
void mn_release(mn_memory *memory);

/* A copy that ends with a NUL. */
mn_text mn_copy(mn_memory *memory, mn_text text);

/* The bytes of a file; 0 and a message if it cannot be read. */
int mn_read_file(const char *path, mn_memory *memory, mn_text *bytes, mothernet_error *error);

mn_text mn_string(const char *string);
mn_text mn_slice(mn_text text, size_t start, size_t end);
int mn_equals(mn_text a, mn_text b);
int mn_is(mn_text text, const char *string);
int mn_starts_with(mn_text text, mn_text start);
int mn_ends_with(mn_text text, mn_text end);
int mn_compare(const void *a, const void *b); /* of two mn_text, for qsort: by bytes */
int mn_contains(const mn_text *sorted, size_t n, mn_text text);
int mn_is_utf8(mn_text text);

/* Without the white space of ASCII around it, or that between the parts of a number. */
mn_text mn_trimmed(mn_text text);
mn_text mn_trimmed_spaces(mn_text text, int at_start, int at_end);

/* In quotes and shortened, for up to four texts of one message. */
const char *mn_shown(mn_text text);

/* Prints a text in which control characters are escaped: they cannot move a cursor or begin another line. */
void mn_print(FILE *stream, const char *text);

/* Writes a message; returns 0. */
#ifdef __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
int mn_fail(mothernet_error *error, const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif
