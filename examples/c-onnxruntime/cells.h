/* What a cell means, by the rule of its column: sections 2.1 to 2.6 of FORMAT.md. */

#ifndef MN_CELLS_H
#define MN_CELLS_H

#include "text.h"

typedef enum { MN_NUMBER, MN_BOOLEAN, MN_DATE, MN_CATEGORY, MN_IGNORED } mn_type;
typedef enum { MN_YMD, MN_DMY, MN_MDY, MN_TIME } mn_pattern;
typedef enum { MN_VALUE, MN_DAYS, MN_MONTH, MN_WEEKDAY, MN_HOUR } mn_part;

/* How the cells of a column are read; what does not apply to its type is zero. */
typedef struct {
    mn_type type;
    char decimal;
    mn_text group, affix;
    int percent, integers;
    mn_pattern pattern;
    const mn_text *missing; /* sorted */
    size_t n_missing;
} mn_rule;

/* Number, boolean or date: the value, NaN if the cell is missing; 0 if the cell does not fit. */
int mn_read_number(const mn_rule *rule, const mothernet_cell *cell, double *value);

/* A category: its text, empty if the cell is missing; 0 if the cell holds a NUL or is no UTF-8. */
int mn_read_category(const mn_rule *rule, const mothernet_cell *cell, mn_memory *memory, mn_text *value);

/* Seconds since 1970-01-01 00:00 that a trimmed text says; 0 if it is no date. */
int mn_seconds_of_text(mn_text text, mn_pattern pattern, double *seconds);
double mn_date_part(double seconds, mn_part part);

/* A float64 as Python's `repr` writes it (0.5, 2.0, 1e-07), into 32 bytes. */
void mn_float_text(double number, char *text);

#endif
