/* What a file says about itself: columns, classes and self-test, checked as sections 5, 6 and 8 of FORMAT.md demand. */

#ifndef MN_SCHEMA_H
#define MN_SCHEMA_H

#include "cells.h"

typedef struct {
    size_t position; /* in the graph's input `numeric`, or `categorical` */
    mn_part part;
    double offset;
} mn_input;

typedef struct {
    mn_text name;
    mn_rule rule;
    int used, missing_in_training;
    mn_input inputs[4];
    size_t n_inputs, n_categories;
    const mn_text *categories; /* sorted */
} mn_column;

typedef struct {
    mn_memory memory; /* of all that follows */
    mn_column *columns;
    mothernet_label *classes;
    size_t n_columns, n_read, n_classes, n_numeric, n_categorical; /* n_read: not ignored */
    size_t n_test_rows, test_classes[8];
    mothernet_cell *test_cells; /* row after row, of the columns that are read */
    double *test_probabilities;
} mn_model_file;

/* Reads and checks the bytes of a file; 0 and a message if they are not as the format demands. */
int mn_read_model(mn_text bytes, mn_model_file *file, mothernet_error *error);

/* A rule from its JSON, an object of jansson, for a column that is named `what`. */
int mn_read_rule(const void *json, const char *what, mn_memory *memory, mn_rule *rule, mothernet_error *error);

#endif
