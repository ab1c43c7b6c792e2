#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

enum { SHOWN = 60 };

struct mn_piece {
    struct mn_piece *before;
    max_align_t content[];
};

void *mn_take(mn_memory *memory, size_t count, size_t size)
{
    struct mn_piece *piece = NULL;
    if (count == 0) count = 1;
    if (count <= (SIZE_MAX - sizeof *piece) / size) piece = calloc(1, sizeof *piece + count * size);
    if (piece == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    piece->before = memory->last;
    memory->last = piece;
    return piece->content;
}

void mn_release(mn_memory *memory)
{
    while (memory->last) {
        struct mn_piece *before = memory->last->before;
        free(memory->last);
        memory->last = before;
    }
}

mn_text mn_copy(mn_memory *memory, mn_text text)
{
    char *copy = mn_take(memory, text.n + 1, 1);
    if (text.n) memcpy(copy, text.at, text.n);
    return (mn_text){copy, text.n};
}

int mn_read_file(const char *path, mn_memory *memory, mn_text *bytes, mothernet_error *error)
{
    FILE *stream = fopen(path, "rb");
    char *content = NULL;
    size_t n = 0, size = 0, got = 1;
    int is_read;
    while (stream && got > 0) {
        if (n == size) {
            char *larger = realloc(content, size = 2 * size + 65536);
            if (!larger) abort();
            content = larger;
        }
        got = fread(content + n, 1, size - n, stream);
        n += got;
    }
    is_read = stream && !ferror(stream);
    if (is_read) *bytes = mn_copy(memory, (mn_text){content, n});
    else mn_fail(error, "the file cannot be read: %s", strerror(errno));
    if (stream) fclose(stream);
    free(content);
    return is_read;
}

mn_text mn_string(const char *string)
{
    return (mn_text){string, strlen(string)};
}

mn_text mn_slice(mn_text text, size_t start, size_t end)
{
    return (mn_text){text.at + start, end - start};
}

int mn_equals(mn_text a, mn_text b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n) == 0);
}

int mn_is(mn_text text, const char *string)
{
    return mn_equals(text, mn_string(string));
}

int mn_starts_with(mn_text text, mn_text start)
{
    return text.n >= start.n && mn_equals(mn_slice(text, 0, start.n), start);
}

int mn_ends_with(mn_text text, mn_text end)
{
    return text.n >= end.n && mn_equals(mn_slice(text, text.n - end.n, text.n), end);
}

int mn_compare(const void *a, const void *b)
{
    const mn_text *x = a, *y = b;
    size_t n = x->n < y->n ? x->n : y->n;
    int order = n ? memcmp(x->at, y->at, n) : 0;
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

int mn_contains(const mn_text *sorted, size_t n, mn_text text)
{
    return n > 0 && bsearch(&text, sorted, n, sizeof text, mn_compare) != NULL;
}

int mn_is_utf8(mn_text text)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text.at, *end = at + text.n;
    while (at < end) {
        utf8proc_int32_t point = *at;
        utf8proc_ssize_t n = point < 0x80 ? 1 : utf8proc_iterate(at, end - at, &point);
        if (n < 1) return 0;
        at += n;
    }
    return 1;
}

static int is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

mn_text mn_trimmed(mn_text text)
{
    while (text.n && is_white(text.at[0])) text = mn_slice(text, 1, text.n);
    while (text.n && is_white(text.at[text.n - 1])) text.n--;
    return text;
}

mn_text mn_trimmed_spaces(mn_text text, int at_start, int at_end)
{
    static const char *const spaces[] = {" ", "\t", "\n", "\v", "\f", "\r", "\u00a0", "\u202f"};
    size_t i = 0;
    while (i < 8) {
        mn_text space = mn_string(spaces[i++]);
        if (at_start && mn_starts_with(text, space)) text = mn_slice(text, space.n, text.n), i = 0;
        if (at_end && text.n && mn_ends_with(text, space)) text.n -= space.n, i = 0;
    }
    return text;
}

const char *mn_shown(mn_text text)
{
    static _Thread_local char buffers[4][SHOWN + 6];
    static _Thread_local unsigned next;
    char *buffer = buffers[next++ % 4];
    size_t n = text.n;
    if (n > SHOWN)
        for (n = SHOWN; n > 0 && ((unsigned char)text.at[n] & 0xC0) == 0x80;) n--;
    snprintf(buffer, sizeof buffers[0], "\"%.*s%s\"", (int)n, text.n ? text.at : "", n < text.n ? "..." : "");
    return buffer;
}

int mn_fail(mothernet_error *error, const char *format, ...)
{
    utf8proc_uint8_t *at = (utf8proc_uint8_t *)error->text;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    while (*at) { /* characters that were cut */
        utf8proc_int32_t point;
        utf8proc_ssize_t n = utf8proc_iterate(at, -1, &point);
        if (n < 1) *at = '?';
        at += n < 1 ? 1 : n;
    }
    error->row = SIZE_MAX;
    return 0;
}

void mn_print(FILE *stream, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        int is_c1 = at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0;
        int is_separator = at[0] == 0xE2 && at[1] == 0x80 && (at[2] == 0xA8 || at[2] == 0xA9); /* of lines */
        if (is_c1) fprintf(stream, "\\u%04x", at[1]);
        else if (is_separator) fprintf(stream, "\\u20%02x", at[2] - 0x80);
        else if (*at < 0x20 || *at == 0x7F) fprintf(stream, "\\u%04x", *at);
        else fputc(*at, stream);
        at += is_c1 ? 2 : is_separator ? 3 : 1;
    }
}
