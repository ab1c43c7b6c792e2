#include "cells.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <utf8proc.h>

static const char *const BLANKS[] = {"",     "#N/A",   "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN",
                                     "-nan", "1.#IND", "1.#QNAN",  "<NA>", "N/A",     "NA",       "NULL",
                                     "NaN",  "None",   "n/a",      "nan",  "null"};
static const char *const WORDS[] = {"false", "f", "no", "n", "off", "true", "t", "yes", "y", "on"};

static int is_missing(mn_text text, const mn_rule *rule)
{
    for (size_t i = 0; i < sizeof BLANKS / sizeof *BLANKS; i++)
        if (mn_is(text, BLANKS[i])) return 1;
    return mn_contains(rule->missing, rule->n_missing, text);
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_sign(mn_text text, size_t i)
{
    return i < text.n && (text.at[i] == '+' || text.at[i] == '-');
}

/* Length of the separator of groups that stands here, 0 if none does. */
static size_t group_here(mn_text text, size_t i, mn_text group)
{
    mn_text rest = mn_slice(text, i, text.n);
    if (group.n == 0) return 0;
    if (mn_starts_with(rest, group)) return group.n;
    if (!mn_is(group, " ")) return 0;
    return mn_starts_with(rest, mn_string("\u00a0")) ? 2 : mn_starts_with(rest, mn_string("\u202f")) ? 3 : 0;
}

/* (?:whole(?:D[0-9]*)?|D[0-9]+)(?:[eE][+-]?[0-9]+)? and nothing behind it */
static int number_of_digits(mn_text text, char decimal, mn_text group, double *value)
{
    char small[128], *plain = text.n < sizeof small ? small : malloc(text.n + 1); /* without separators of groups */
    size_t i = 0, n = 0, in_group = 0, n_groups = 0, n_fraction = 0, n_exponent = 0;
    int fits = plain != NULL;
    for (;;) {
        size_t separator, start = i;
        while (fits && i < text.n && is_digit(text.at[i])) plain[n++] = text.at[i++];
        in_group = i - start;
        separator = in_group ? group_here(text, i, group) : 0;
        if (n_groups > 0 && in_group != 3 && !(in_group == 2 && separator && mn_is(group, ","))) fits = 0;
        if (separator == 0) break; /* 12,34,567 is usual in India */
        if (n_groups == 0 && in_group > 3) fits = 0;
        n_groups++;
        i += separator;
    }
    if (fits && i < text.n && text.at[i] == decimal) {
        plain[n++] = '.';
        for (i++; i < text.n && is_digit(text.at[i]); n_fraction++) plain[n++] = text.at[i++];
    }
    if (n_groups + in_group + n_fraction == 0) fits = 0;
    if (fits && i < text.n && (text.at[i] == 'e' || text.at[i] == 'E')) {
        plain[n++] = text.at[i++];
        if (is_sign(text, i)) plain[n++] = text.at[i++];
        for (; i < text.n && is_digit(text.at[i]); n_exponent++) plain[n++] = text.at[i++];
        if (n_exponent == 0) fits = 0;
    }
    fits = fits && i == text.n;
    if (fits) {
        plain[n] = 0;
        *value = strtod(plain, NULL); /* in the locale "C", rounded to the nearest */
    }
    if (plain != small) free(plain);
    return fits;
}

static int digits_percent(mn_text text, const mn_rule *rule, char decimal, mn_text group, double *value)
{
    if (!rule->percent || !mn_ends_with(text, mn_string("%"))) return number_of_digits(text, decimal, group, value);
    text = mn_trimmed_spaces(mn_slice(text, 0, text.n - 1), 0, 1);
    if (!number_of_digits(text, decimal, group, value)) return 0;
    *value /= 100;
    return 1;
}

/* `before` and `after` of section 2.2: the number without its signs, how many there are, whether one is a minus. */
static int read_way(mn_text text, const mn_rule *rule, char decimal, mn_text group, int *n_signs, int *is_negative,
                    double *value)
{
    int has_sign = is_sign(text, 0), first;
    mn_text rest;
    for (first = has_sign; rule->affix.n && first >= 0; first--) {
        rest = mn_slice(text, (size_t)first, text.n);
        if (!mn_starts_with(rest, rule->affix)) continue;
        rest = mn_trimmed_spaces(mn_slice(rest, rule->affix.n, rest.n), 1, 0);
        *n_signs = first + is_sign(rest, 0);
        *is_negative = (first && text.at[0] == '-') || (is_sign(rest, 0) && rest.at[0] == '-');
        if (digits_percent(mn_slice(rest, (size_t)is_sign(rest, 0), rest.n), rule, decimal, group, value)) return 1;
    }
    *n_signs = has_sign;
    *is_negative = has_sign && text.at[0] == '-';
    rest = mn_slice(text, (size_t)has_sign, text.n);
    if (digits_percent(rest, rule, decimal, group, value)) return 1;
    if (rule->affix.n == 0 || !mn_ends_with(rest, rule->affix)) return 0;
    rest = mn_trimmed_spaces(mn_slice(rest, 0, rest.n - rule->affix.n), 0, 1);
    return digits_percent(rest, rule, decimal, group, value);
}

/* What stands in parentheses, which is negative; an affix may stand before or behind them. `joined` has to be freed. */
static int in_parentheses(mn_text *text, const mn_rule *rule, char **joined)
{
    mn_text parts[] = {{"", 0}, *text, {"", 0}}, affix = rule->affix, middle;
    size_t n = 0, i;
    *joined = NULL;
    if (affix.n && mn_ends_with(*text, mn_string(")")) && mn_starts_with(*text, affix)) {
        parts[0] = affix;
        parts[1] = mn_trimmed_spaces(mn_slice(*text, affix.n, text->n), 1, 0);
    } else if (affix.n && mn_starts_with(*text, mn_string("(")) && mn_ends_with(*text, affix)) {
        parts[1] = mn_trimmed_spaces(mn_slice(*text, 0, text->n - affix.n), 0, 1);
        parts[2] = affix;
    }
    middle = parts[1];
    if (middle.n < 2 || middle.at[0] != '(' || middle.at[middle.n - 1] != ')') return 0;
    parts[1] = mn_trimmed(mn_slice(middle, 1, middle.n - 1));
    *text = parts[1];
    if (parts[0].n + parts[2].n == 0) return 1;
    *joined = malloc(parts[0].n + parts[1].n + parts[2].n + 1);
    for (i = 0; *joined && i < 3; n += parts[i++].n)
        if (parts[i].n) memcpy(*joined + n, parts[i].at, parts[i].n);
    *text = (mn_text){*joined ? *joined : "", n};
    return 1;
}

static int is_word(mn_text text, const char *word)
{
    return text.n == strlen(word) && strncasecmp(text.at, word, text.n) == 0;
}

static int number_of_text(mn_text text, const mn_rule *rule, double *value)
{
    char *joined;
    mn_text inside = text, word = mn_slice(text, (size_t)is_sign(text, 0), text.n);
    int is_inside = in_parentheses(&inside, rule, &joined), n_signs, is_negative, found = 0, is_plain;
    for (is_plain = 0; is_plain < 2 && !found; is_plain++) { /* the column's way, then the plain one */
        char decimal = is_plain ? '.' : rule->decimal;
        mn_text group = is_plain ? (mn_text){"", 0} : rule->group;
        found = read_way(inside, rule, decimal, group, &n_signs, &is_negative, value);
    }
    free(joined);
    if (found) {
        if (is_inside || is_negative) *value = -*value;
        return n_signs <= !is_inside;
    }
    if (is_word(word, "nan")) *value = NAN;
    else if (is_word(word, "inf") || is_word(word, "infinity")) *value = text.at[0] == '-' ? -INFINITY : INFINITY;
    else {
        for (int i = 0; rule->type == MN_BOOLEAN && i < 10; i++)
            if (is_word(text, WORDS[i])) return *value = i >= 5, 1;
        return 0;
    }
    return 1;
}

int mn_read_number(const mn_rule *rule, const mothernet_cell *cell, double *value)
{
    mn_text text = {cell->text, cell->length};
    int is_date = rule->type == MN_DATE;
    *value = NAN;
    switch (cell->type) {
    case MOTHERNET_MISSING: return 1;
    case MOTHERNET_NUMBER: *value = cell->number; return !is_date || isnan(cell->number);
    case MOTHERNET_INTEGER: *value = (double)cell->integer; return !is_date;
    case MOTHERNET_BOOLEAN: *value = cell->integer != 0; return !is_date;
    default: break;
    }
    text = mn_trimmed(text);
    if (is_missing(text, rule)) return 1;
    return is_date ? mn_seconds_of_text(text, rule->pattern, value) : number_of_text(text, rule, value);
}

/* [+-]?[0-9]+(?:\.0*)? as that integer in decimal */
static mn_text integer_text(mn_text text, mn_memory *memory)
{
    size_t start = (size_t)is_sign(text, 0), end = start, i;
    while (end < text.n && is_digit(text.at[end])) end++;
    if (end == start) return text;
    for (i = end; i < text.n; i++)
        if (text.at[i] != (i == end ? '.' : '0')) return text;
    while (start + 1 < end && text.at[start] == '0') start++;
    if (text.at[0] != '-' || text.at[start] == '0') return mn_slice(text, start, end);
    text = mn_copy(memory, mn_slice(text, start - 1, end)); /* the sign, or a zero where the sign goes */
    ((char *)text.at)[0] = '-';
    return text;
}

void mn_float_text(double number, char *text)
{
    int precision = 0, exponent;
    if (!isfinite(number)) {
        strcpy(text, isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
        return;
    }
    do snprintf(text, 32, "%.*e", precision, number);
    while (strtod(text, NULL) != number && precision++ < 16);
    exponent = atoi(strchr(text, 'e') + 1);
    if (exponent < -4 || exponent >= 16) return;
    precision -= exponent;
    snprintf(text, 32, "%.*f", precision > 1 ? precision : 1, number);
}

int mn_read_category(const mn_rule *rule, const mothernet_cell *cell, mn_memory *memory, mn_text *value)
{
    char typed[330] = "";
    mn_text text = {cell->text, cell->length};
    utf8proc_uint8_t *normal = NULL;
    utf8proc_ssize_t n;
    size_t i = 0;
    switch (cell->type) {
    case MOTHERNET_MISSING: break;
    case MOTHERNET_INTEGER: snprintf(typed, sizeof typed, "%lld", (long long)cell->integer); break;
    case MOTHERNET_BOOLEAN: strcpy(typed, cell->integer ? "True" : "False"); break;
    case MOTHERNET_NUMBER:
        if (isfinite(cell->number) && cell->number == floor(cell->number))
            snprintf(typed, sizeof typed, "%.0f", cell->number == 0 ? 0.0 : cell->number);
        else mn_float_text(cell->number, typed);
        break;
    default: break;
    }
    text = mn_trimmed(cell->type == MOTHERNET_TEXT ? text : mn_string(typed));
    if (text.n && memchr(text.at, 0, text.n)) return 0;
    while (i < text.n && (unsigned char)text.at[i] < 0x80) i++;
    if (i < text.n) {
        n = utf8proc_map((const utf8proc_uint8_t *)text.at, (utf8proc_ssize_t)text.n, &normal,
                         UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        if (n < 0) return 0;
        text = (mn_text){(const char *)normal, (size_t)n};
    }
    if (is_missing(text, rule)) text.n = 0;
    else if (rule->integers) text = integer_text(text, memory);
    *value = mn_copy(memory, text);
    free(normal);
    return 1;
}
