/* What reads the JSON of a file shares; nothing else includes it. */

#ifndef MN_SCHEMA_JSON_H
#define MN_SCHEMA_JSON_H

#include <jansson.h>

#include "schema.h"

mn_text mn_json_text(const json_t *string);

/* The value of a key that must be there and of one type (JSON_TRUE: true or false); NULL and a message otherwise. */
const json_t *mn_json_take(const json_t *object, const char *key, json_type type, const char *what,
                           mothernet_error *error);

/* Rows and answers, after columns and classes. */
int mn_read_self_test(const json_t *test, mn_model_file *file, mothernet_error *error);

#endif
