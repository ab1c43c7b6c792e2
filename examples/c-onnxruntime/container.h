/* The ONNX container of a file, read and checked before onnxruntime sees it: section 1 of FORMAT.md.

   An .onnx file is a protobuf message: numbered fields, some of which hold messages again. Time and memory grow with
   the size of the file, whatever it holds. */

#ifndef MN_CONTAINER_H
#define MN_CONTAINER_H

#include "text.h"

typedef struct {
    mn_text key, value;
} mn_entry;

typedef struct {
    mn_entry *metadata; /* sorted by key */
    size_t n_metadata;
    char graph_hash[65];
    mn_text inputs, outputs; /* such as "numeric (float32 [N, 3])", with ", " between them */
} mn_container;

/* Metadata and hash, whatever else is in the file; 0 and a message if it is no ONNX file or cut off. */
int mn_read_metadata(mn_text bytes, mn_memory *memory, mn_container *container, mothernet_error *error);

/* All else; 0 and a message if the file is not as the format demands. */
int mn_check_container(mn_text bytes, mn_memory *memory, mn_container *container, mothernet_error *error);

/* The value of a key of the metadata; 0 if it is missing. */
int mn_find_metadata(const mn_container *container, const char *key, mn_text *value);

/* In 64 lower-case hexadecimal digits and a NUL. */
void mn_sha256(mn_text bytes, char *digits);

#endif
