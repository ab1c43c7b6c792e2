#include "csv.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <utf8proc.h>
#include <zlib.h>

enum { SAMPLE_BYTES = 1024, SAMPLE_LINES = 200 };

static const char DELIMITERS[] = {',', ';', '\t', '|'};
static const char *const DELIMITER_NAMES[] = {"comma", "semicolon", "tab", "pipe"};
static const struct {
    const char *alias, *name;
} ENCODINGS[] = {{"utf-8", "utf-8"},         {"utf8", "utf-8"},           {"utf-8-sig", "utf-8"},
                 {"utf-16", "utf-16"},       {"utf16", "utf-16"},         {"utf-16-le", "utf-16-le"},
                 {"utf-16le", "utf-16-le"},  {"utf-16-be", "utf-16-be"},  {"utf-16be", "utf-16-be"},
                 {"cp1252", "windows-1252"}, {"latin-1", "iso-8859-1"},   {"windows-1252", "windows-1252"},
                 {"latin1", "iso-8859-1"},   {"iso-8859-1", "iso-8859-1"}};
/* what Windows-1252 has from 0x80 to 0x9f; 0 stands for nothing */
static const utf8proc_int32_t WINDOWS[] = {0x20AC, 0,      0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021,
                                           0x2C6,  0x2030, 0x160,  0x2039, 0x152,  0,      0x17D,  0,
                                           0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                           0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0,      0x17E,  0x178};

/* Bytes that grow; those of a growing text move, so they join the memory when they are finished. */
typedef struct {
    char *at;
    size_t n, size;
} buffer;

static void add(buffer *b, const void *bytes, size_t n)
{
    if (b->size - b->n < n) {
        char *larger = NULL;
        if (n < SIZE_MAX / 4 && b->size < SIZE_MAX / 4) {
            b->size = 2 * b->size + n + 64;
            larger = realloc(b->at, b->size);
        }
        if (larger == NULL) abort();
        b->at = larger;
    }
    if (n) memcpy(b->at + b->n, bytes, n);
    b->n += n;
}

static mn_text finished(buffer *b, mn_memory *memory)
{
    mn_text text = mn_copy(memory, (mn_text){b->at ? b->at : "", b->n});
    free(b->at);
    *b = (buffer){NULL, 0, 0};
    return text;
}

/* One member or several; nothing but zeros may follow. */
static int unzip(mn_text *bytes, mn_memory *memory, mothernet_error *error)
{
    unsigned char part[65536];
    buffer found = {NULL, 0, 0};
    size_t at = 0;
    while (at < bytes->n) {
        z_stream stream = {0};
        int status = inflateInit2(&stream, 16 + MAX_WBITS);
        stream.next_in = (unsigned char *)bytes->at + at;
        while (status == Z_OK) {
            size_t left = bytes->n - at - stream.total_in;
            stream.avail_in = left > INT_MAX ? INT_MAX : (unsigned)left;
            stream.next_out = part;
            stream.avail_out = sizeof part;
            status = inflate(&stream, Z_NO_FLUSH);
            add(&found, part, sizeof part - stream.avail_out);
        }
        at += stream.total_in;
        inflateEnd(&stream);
        if (status != Z_STREAM_END) {
            free(found.at);
            return mn_fail(error, "the rows must be whole, however: they are a damaged gzip file");
        }
        while (at < bytes->n && bytes->at[at] == 0) at++;
    }
    *bytes = finished(&found, memory);
    return 1;
}

static void add_point(buffer *b, utf8proc_int32_t point)
{
    utf8proc_uint8_t bytes[4];
    add(b, bytes, (size_t)utf8proc_encode_char(point, bytes));
}

static int unit_at(const unsigned char *at, int is_big)
{
    return is_big ? at[0] << 8 | at[1] : at[1] << 8 | at[0];
}

static int add_utf16(buffer *b, mn_text bytes, int is_big)
{
    const unsigned char *at = (const unsigned char *)bytes.at;
    size_t i, n = bytes.n / 2;
    for (i = 0; i < n; i++) {
        int unit = unit_at(at + 2 * i, is_big), low;
        if (unit >= 0xDC00 && unit < 0xE000) return 0;
        if (unit >= 0xD800 && unit < 0xDC00) {
            if (++i == n) return 0;
            low = unit_at(at + 2 * i, is_big);
            if (low < 0xDC00 || low > 0xDFFF) return 0;
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        }
        add_point(b, unit);
    }
    return bytes.n % 2 == 0;
}

static int add_windows(buffer *b, mn_text bytes, int is_iso)
{
    for (size_t i = 0; i < bytes.n; i++) {
        utf8proc_int32_t point = (unsigned char)bytes.at[i];
        if (!is_iso && point >= 0x80 && point < 0xA0) point = WINDOWS[point - 0x80];
        if (point == 0 && bytes.at[i] != 0) return 0;
        add_point(b, point);
    }
    return 1;
}

/* UTF-16 whose first bytes show zeros at odd or at even offsets only. */
static const char *unmarked_utf16(mn_text bytes)
{
    size_t zeros[2] = {0, 0}, i, n = bytes.n < SAMPLE_BYTES ? bytes.n : SAMPLE_BYTES;
    for (i = 0; i < n; i++) zeros[i % 2] += bytes.at[i] == 0;
    if (zeros[0] + zeros[1] == 0 || 4 * (zeros[0] + zeros[1]) < n || (zeros[0] && zeros[1])) return NULL;
    return zeros[1] ? "utf-16-le" : "utf-16-be";
}

/* The text in UTF-8. */
static int decode(mn_text bytes, const char *given, mn_memory *memory, mn_csv *csv, mothernet_error *error)
{
    static const struct {
        const char *name, *bytes;
    } marks[] = {{"utf-8", "\xEF\xBB\xBF"}, {"utf-16-le", "\xFF\xFE"}, {"utf-16-be", "\xFE\xFF"}};
    const char *marked = NULL, *name = given;
    buffer found = {NULL, 0, 0};
    size_t mark = 0, i;
    int is_text;
    for (i = 0; i < 3 && !marked; i++)
        if (mn_starts_with(bytes, mn_string(marks[i].bytes))) {
            marked = marks[i].name;
            mark = strlen(marks[i].bytes);
        }
    if (!name) name = marked;
    if (!name) name = unmarked_utf16(bytes);
    if (!name) name = "utf-8";
    if (strcmp(name, "utf-16") == 0) name = marked && strcmp(marked, "utf-8") != 0 ? marked : "utf-16-le";
    if (marked && strcmp(name, marked) == 0) bytes = mn_slice(bytes, mark, bytes.n);
    if (strcmp(name, "utf-8") == 0) is_text = mn_is_utf8(bytes);
    else if (strncmp(name, "utf-16", 6) == 0) is_text = add_utf16(&found, bytes, strcmp(name, "utf-16-be") == 0);
    else is_text = add_windows(&found, bytes, strcmp(name, "iso-8859-1") == 0);
    csv->encoding = name;
    csv->text = strcmp(name, "utf-8") == 0 ? bytes : finished(&found, memory);
    free(found.at);
    return is_text ||
           mn_fail(error, "the rows must be text in %s, however: they are not. Give --encoding.", csv->encoding);
}

static int next_byte(const mn_csv *csv)
{
    return csv->at < csv->text.n ? (unsigned char)csv->text.at[csv->at] : -1;
}

static int is_line_end(int c)
{
    return c == '\n' || c == '\r';
}

static void skip_spaces(mn_csv *csv)
{
    while (next_byte(csv) == ' ') csv->at++;
}

/* Steps over a line end if one is here. */
static int end_line(mn_csv *csv)
{
    int c = next_byte(csv);
    if (!is_line_end(c)) return 0;
    csv->at++;
    if (c == '\r' && next_byte(csv) == '\n') csv->at++;
    csv->line++;
    return 1;
}

static void skip_blank_lines(mn_csv *csv)
{
    size_t start;
    do {
        start = csv->at;
        while (next_byte(csv) == ' ' || (next_byte(csv) == '\t' && csv->delimiter != '\t')) csv->at++;
    } while (end_line(csv));
    if (csv->at < csv->text.n) csv->at = start;
}

/* A quoted cell, from behind its first quote to its delimiter or line end; -2 if the end cuts it off, -1 if text
   follows it. */
static int take_quoted(mn_csv *csv, mn_memory *memory, mn_text *cell, mothernet_error *error)
{
    size_t opened = csv->line, start = csv->at, n = 0, i;
    int is_doubled = 0, c;
    for (;;) {
        c = next_byte(csv);
        if (c < 0) {
            mn_fail(error, "line %zu: a quoted cell opens here and is not closed", opened);
            return -2;
        }
        if (end_line(csv)) continue;
        csv->at++;
        if (c != '"') continue;
        if (next_byte(csv) != '"') break;
        csv->at++;
        is_doubled = 1;
    }
    *cell = mn_slice(csv->text, start, csv->at - 1);
    if (is_doubled) {
        char *single = (char *)mn_copy(memory, *cell).at;
        for (i = 0; i < cell->n; i++) {
            single[n++] = cell->at[i];
            if (cell->at[i] == '"') i++;
        }
        *cell = (mn_text){single, n};
    }
    skip_spaces(csv);
    c = next_byte(csv);
    if (c < 0 || is_line_end(c) || c == csv->delimiter) return 1;
    mn_fail(error, "line %zu: text must not follow the closing quote of a cell", csv->line);
    return -1;
}

/* The next record: 1, 0 at the end, or what take_quoted says. */
static int take_record(mn_csv *csv, mn_memory *memory, mn_row *row, mothernet_error *error)
{
    buffer cells = {NULL, 0, 0};
    skip_blank_lines(csv);
    *row = (mn_row){NULL, 0, csv->line};
    if (csv->at >= csv->text.n) return 0;
    for (;;) {
        mn_text cell;
        skip_spaces(csv);
        if (next_byte(csv) == '"') {
            int taken;
            csv->at++;
            taken = take_quoted(csv, memory, &cell, error);
            if (taken < 0) {
                free(cells.at);
                return taken;
            }
        } else {
            size_t start = csv->at;
            while (next_byte(csv) >= 0 && next_byte(csv) != csv->delimiter && !is_line_end(next_byte(csv))) csv->at++;
            cell = mn_slice(csv->text, start, csv->at);
        }
        add(&cells, &cell, sizeof cell);
        if (end_line(csv) || csv->at == csv->text.n) break;
        csv->at++;
    }
    row->n = cells.n / sizeof(mn_text);
    row->cells = mn_take(memory, row->n, sizeof(mn_text));
    memcpy(row->cells, cells.at, cells.n);
    free(cells.at);
    return 1;
}

/* Whether all records are alike, how many are from the start, and cells of the first. */
static void score(mn_csv sample, char delimiter, size_t scores[3])
{
    mn_memory memory = {NULL};
    mothernet_error error;
    mn_row row;
    size_t cells = 0, alike = 0;
    int taken;
    sample.delimiter = delimiter;
    scores[0] = scores[1] = scores[2] = 0;
    while ((taken = take_record(&sample, &memory, &row, &error)) == 1) {
        if (alike == 0) cells = row.n;
        if (cells < 2 || row.n != cells) break;
        alike++;
    }
    mn_release(&memory);
    if (alike == 0) return;
    scores[0] = taken == 0 || taken == -2;
    scores[1] = alike;
    scores[2] = cells;
}

static char found_delimiter(mn_csv sample)
{
    size_t best[3] = {0, 0, 0}, scores[3];
    char found = ',';
    for (int i = 0; i < 4; i++) {
        int k = 0;
        score(sample, DELIMITERS[i], scores);
        while (k < 2 && scores[k] == best[k]) k++;
        if (scores[k] > best[k]) {
            memcpy(best, scores, sizeof best);
            found = DELIMITERS[i];
        }
    }
    return found;
}

/* Steps over the first line that is not blank if it names a delimiter, such as `sep=;`. */
static char named_delimiter(mn_csv *csv)
{
    mn_csv first = *csv;
    size_t start, end, quotes;
    first.delimiter = ',';
    skip_blank_lines(&first);
    start = end = first.at;
    while (end < csv->text.n && !is_line_end(csv->text.at[end])) end++;
    quotes = end > start && csv->text.at[start] == '"';
    if (end - start != 5 + 2 * quotes || strncasecmp(csv->text.at + start + quotes, "sep=", 4) != 0) return 0;
    if (quotes && csv->text.at[end - 1] != '"') return 0;
    if (!memchr(DELIMITERS, csv->text.at[start + quotes + 4], sizeof DELIMITERS)) return 0;
    first.at = end;
    end_line(&first);
    *csv = first;
    return csv->text.at[start + quotes + 4];
}

static int given_dialect(const char *delimiter, const char **encoding, char *sign, mothernet_error *error)
{
    char name[16] = "";
    size_t i;
    *sign = 0;
    for (i = 0; delimiter && i < 4; i++)
        if ((delimiter[0] == DELIMITERS[i] && !delimiter[1]) || strcasecmp(delimiter, DELIMITER_NAMES[i]) == 0)
            *sign = DELIMITERS[i];
    if (delimiter && strcmp(delimiter, "\\t") == 0) *sign = '\t';
    if (delimiter && !*sign)
        return mn_fail(error, "the delimiter must be comma, semicolon, tab or pipe, however: %s",
                       mn_shown(mn_string(delimiter)));
    if (!*encoding) return 1;
    for (i = 0; i + 1 < sizeof name && (*encoding)[i]; i++) name[i] = (*encoding)[i] == '_' ? '-' : (*encoding)[i];
    for (i = 0; i < sizeof ENCODINGS / sizeof *ENCODINGS; i++)
        if (strcasecmp(name, ENCODINGS[i].alias) == 0) return *encoding = ENCODINGS[i].name, 1;
    return mn_fail(error,
                   "the encoding must be utf-8, utf-16, utf-16-le, utf-16-be, windows-1252 or iso-8859-1, however: %s",
                   mn_shown(mn_string(*encoding)));
}

int mn_open_csv(mn_text bytes, const char *delimiter, const char *encoding, mn_memory *memory, mn_csv *csv,
                mothernet_error *error)
{
    mn_csv sample;
    mn_row header;
    char given, named;
    int taken;
    memset(csv, 0, sizeof *csv);
    csv->line = 1;
    if (!given_dialect(delimiter, &encoding, &given, error)) return 0;
    if (mn_starts_with(bytes, mn_string("\x1f\x8b")) && !unzip(&bytes, memory, error)) return 0;
    if (!decode(bytes, encoding, memory, csv, error)) return 0;
    for (sample = *csv; sample.at < csv->text.n;) {
        if (csv->text.at[sample.at] == 0)
            return mn_fail(error, "the rows must be CSV, however: line %zu holds the character U+0000", sample.line);
        if (!end_line(&sample)) sample.at++;
    }
    for (sample = *csv; sample.at < csv->text.n && sample.line <= SAMPLE_LINES;)
        if (!end_line(&sample)) sample.at++;
    sample.text.n = sample.at;
    sample.at = 0;
    sample.line = 1;
    named = named_delimiter(csv);
    csv->delimiter = given ? given : named ? named : found_delimiter(sample);
    taken = take_record(csv, memory, &header, error);
    if (taken < 0) return 0;
    if (taken == 0) return mn_fail(error, "the rows must start with a line of column names, however: there is none");
    csv->n_cells = csv->n_names = header.n;
    csv->names = header.cells;
    for (size_t i = 0; i < header.n; i++) header.cells[i] = mn_trimmed(header.cells[i]);
    while (csv->n_names && header.cells[csv->n_names - 1].n == 0) csv->n_names--; /* lines end with a delimiter */
    if (csv->n_names == 0) csv->n_names = header.n;
    return 1;
}

int mn_next_row(mn_csv *csv, mn_memory *memory, mn_row *row, mothernet_error *error)
{
    int taken = take_record(csv, memory, row, error);
    if (taken < 1) return taken < 0 ? -1 : 0;
    if (row->n != csv->n_cells) {
        mn_fail(error, "line %zu: a row must have %zu cells, however: %zu", row->line, csv->n_cells, row->n);
        return -1;
    }
    for (size_t i = csv->n_names; i < row->n; i++)
        if (mn_trimmed(row->cells[i]).n) {
            mn_fail(error, "line %zu: cells must stand below a name, however: cell %zu does not", row->line, i + 1);
            return -1;
        }
    row->n = csv->n_names;
    return 1;
}
