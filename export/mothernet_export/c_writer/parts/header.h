/* {made_by}

   Compile the source file beside this one with any compiler of C99 or C++ that has IEEE 754 arithmetic and an int of
   32 bits, without -ffast-math. It calls no library, and has constants and its stack alone: threads may share it. */

#ifndef {capitals}_H_INCLUDED
#define {capitals}_H_INCLUDED

#ifdef __cplusplus
extern "C" {{
#endif

enum {{ {capitals}_COLUMNS = {n_columns}, {capitals}_CLASSES = {n_classes} }};

/* A row of numbers, and codes of categories. */
typedef struct {{
{row}
}} {prefix}_row;

/* The class of a row, from 0 to {capitals}_CLASSES - 1, and the probability of each class; below 0, an error: a date
   of no year from 1 to 9999. */
int {prefix}_predict(const {prefix}_row *row, float *probabilities);

/* The same of raw cells: UTF-8 texts as they stand in the table, in the order of the struct; NULL or a blank where
   missing. Below 0, an error: a cell that cannot be read. */
int {prefix}_predict_text(const char *const *cells, float *probabilities);

/* Reads raw cells into a row; 0, or an error. */
int {prefix}_read(const char *const *cells, {prefix}_row *row);

/* The text of a class, NULL if there is none such. */
const char *{prefix}_label(int class_number);

/* The name of a column as it stands in the table, NULL if there is none such. An error is of column -1 - error. */
const char *{prefix}_column(int column_number);

/* What an error means, NULL if it is none. */
const char *{prefix}_message(int error);

#ifdef __cplusplus
}}
#endif

#endif
