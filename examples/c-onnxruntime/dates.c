/* Dates and times as cells write them, and their parts: section 2.4 of FORMAT.md. */

#include "cells.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct {
    mn_text text;
    size_t at;
} cursor;

static int next(const cursor *c)
{
    return c->at < c->text.n ? (unsigned char)c->text.at[c->at] : 0;
}

/* Steps over a character if it is there. */
static int take(cursor *c, int character)
{
    if (c->at >= c->text.n || next(c) != character) return 0;
    c->at++;
    return 1;
}

static size_t run_of_digits(const cursor *c)
{
    size_t n = 0;
    while (c->at + n < c->text.n && isdigit((unsigned char)c->text.at[c->at + n])) n++;
    return n;
}

/* Reads `least` to `most` digits that no further one follows. */
static int take_digits(cursor *c, size_t least, size_t most, long *value)
{
    size_t n = run_of_digits(c);
    if (n < least || n > most) return 0;
    for (*value = 0; n > 0; n--) *value = *value * 10 + (c->text.at[c->at++] - '0');
    return 1;
}

/* Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})? and the end: seconds ahead of UTC */
static int take_zone(cursor *c, long *offset)
{
    mn_text rest;
    long digits, minutes = 0;
    size_t n;
    int sign;
    take(c, ' ');
    rest = mn_slice(c->text, c->at, c->text.n);
    *offset = 0;
    if (mn_is(rest, "Z") || mn_is(rest, "z") || mn_is(rest, "UTC") || mn_is(rest, "GMT")) return 1;
    sign = take(c, '-') ? -1 : 1;
    if (sign == 1 && !take(c, '+')) return 0;
    n = run_of_digits(c);
    if (n == 3 || !take_digits(c, 2, 4, &digits)) return 0;
    if (n == 4) {
        minutes = digits % 100;
        digits /= 100;
    } else if (take(c, ':') && !take_digits(c, 2, 2, &minutes)) {
        return 0;
    }
    *offset = sign * (digits * 3600 + minutes * 60);
    return c->at == c->text.n && digits < 24 && minutes < 60;
}

/* Whole seconds since midnight, of UTC where an offset is named, and their fraction; up to the end. */
static int take_time(cursor *c, long *seconds, double *fraction)
{
    long hour, minute, second = 0, digits, offset = 0;
    size_t start;
    int half;
    *fraction = 0;
    if (!take_digits(c, 1, 2, &hour) || !take(c, ':') || !take_digits(c, 2, 2, &minute)) return 0;
    if (take(c, ':')) {
        if (!take_digits(c, 2, 2, &second)) return 0;
        if (take(c, '.') || take(c, ',')) {
            char number[16] = "0.";
            start = c->at;
            if (!take_digits(c, 1, 9, &digits)) return 0;
            memcpy(number + 2, c->text.at + start, c->at - start);
            *fraction = strtod(number, NULL);
        }
    }
    start = c->at;
    take(c, ' ');
    half = tolower(next(c));
    if (half == 'a' || half == 'p') {
        c->at++;
        take(c, '.');
        if (!take(c, 'm') && !take(c, 'M')) return 0;
        take(c, '.');
        if (hour < 1 || hour > 12) return 0;
        hour = hour % 12 + (half == 'p' ? 12 : 0);
    } else {
        c->at = start;
    }
    if (c->at < c->text.n && !take_zone(c, &offset)) return 0;
    if (hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute || second || *fraction != 0))) return 0;
    *seconds = hour * 3600 + minute * 60 + second - offset;
    return 1;
}

/* Days since 1970-01-01; 0 if there is no such day. */
static int days_of(long year, long month, long day, long *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    long before = year - 1;
    if (year < 1 || month < 1 || month > 12 || day < 1) return 0;
    if (day > lengths[month - 1] + (month == 2 && is_leap)) return 0;
    *days = before * 365 + before / 4 - before / 100 + before / 400 + day - 719163L;
    for (int i = 1; i < month; i++) *days += lengths[i - 1] + (i == 2 && is_leap);
    return 1;
}

/* An English month or its first three or four letters, and a point. */
static int take_month(cursor *c, long *month)
{
    static const char *const names[] = {"january", "february", "march",     "april",   "may",      "june",
                                        "july",    "august",   "september", "october", "november", "december"};
    size_t n = 0;
    while (c->at + n < c->text.n && isalpha((unsigned char)c->text.at[c->at + n])) n++;
    if (n < 3) return 0;
    for (*month = 1; *month <= 12; ++*month) {
        const char *name = names[*month - 1];
        if (strncasecmp(name, c->text.at + c->at, n) == 0 && (n <= 4 || n == strlen(name))) {
            c->at += n;
            take(c, '.');
            return 1;
        }
    }
    return 0;
}

static int take_year(cursor *c, long *year)
{
    size_t n = run_of_digits(c);
    if (n == 3 || !take_digits(c, 2, 4, year)) return 0;
    if (n == 2) *year += *year < 69 ? 2000 : 1900;
    return 1;
}

static int take_separator(cursor *c, int separator)
{
    return (separator == '-' || separator == '/' || separator == '.') && take(c, separator);
}

/* DsMsY, D\.?[- ]name[- ,] ?Y, MsDsY, name D,? Y */
static int take_date(cursor *c, mn_pattern pattern, long *year, long *month, long *day)
{
    long first, second;
    int separator;
    if (pattern == MN_MDY && run_of_digits(c) == 0) {
        if (!take_month(c, month) || !take(c, ' ') || !take_digits(c, 1, 2, day)) return 0;
        take(c, ',');
        return take(c, ' ') && take_year(c, year);
    }
    if (!take_digits(c, 1, 2, &first)) return 0;
    if (pattern == MN_DMY) {
        size_t start = c->at;
        take(c, '.');
        if ((take(c, '-') || take(c, ' ')) && isalpha(next(c))) {
            *day = first;
            if (!take_month(c, month) || !(take(c, '-') || take(c, ' ') || take(c, ','))) return 0;
            take(c, ' ');
            return take_year(c, year);
        }
        c->at = start;
    }
    separator = next(c);
    if (!take_separator(c, separator) || !take_digits(c, 1, 2, &second) || !take(c, separator)) return 0;
    *day = pattern == MN_DMY ? first : second;
    *month = pattern == MN_DMY ? second : first;
    return take_year(c, year);
}

int mn_seconds_of_text(mn_text text, mn_pattern pattern, double *value)
{
    cursor c = {text, 0};
    size_t n = run_of_digits(&c), least = pattern == MN_YMD ? 1 : 2;
    long year, month, day, days = 0, seconds = 0, digits;
    double fraction = 0;
    int is_compact = pattern == MN_YMD && n == 8, separator;
    if (pattern == MN_TIME) {
        if (!take_time(&c, &seconds, &fraction)) return 0;
        *value = (double)seconds + fraction;
        return 1;
    }
    if (is_compact) { /* YYYYMMDD */
        if (!take_digits(&c, 8, 8, &digits)) return 0;
        year = digits / 10000;
        month = digits / 100 % 100;
        day = digits % 100;
    } else if (n == 4) { /* YYYY-MM-DD in any column but one of times; YYYYsMsD where years come first */
        if (!take_digits(&c, 4, 4, &year)) return 0;
        separator = next(&c);
        if ((pattern != MN_YMD && separator != '-') || !take_separator(&c, separator)) return 0;
        if (!take_digits(&c, least, 2, &month) || !take(&c, separator) || !take_digits(&c, least, 2, &day)) return 0;
    } else if (pattern == MN_YMD || !take_date(&c, pattern, &year, &month, &day)) {
        return 0;
    }
    if (!days_of(year, month, day, &days)) return 0;
    if (c.at < text.n) {
        if (!take(&c, 'T') && !take(&c, 't')) {
            if (is_compact) return 0;
            take(&c, ',');
            if (!take(&c, ' ')) return 0;
        }
        if (!take_time(&c, &seconds, &fraction)) return 0;
    }
    *value = (double)(days * 86400 + seconds) + fraction;
    return 1;
}

/* 1 to 12. Years are taken to begin in March, so that the odd month is the last. */
static long month_of(long day)
{
    long of_era = (day + 719468L) % 146097L; /* 400 years; no day is before the year 0 */
    long year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    long month = (5 * (of_era - (365 * year + year / 4 - year / 100)) + 2) / 153;
    return month < 10 ? month + 3 : month - 9;
}

double mn_date_part(double seconds, mn_part part)
{
    double day = floor(seconds / 86400);
    if (part == MN_VALUE || isnan(seconds)) return seconds;
    if (part == MN_DAYS) return seconds / 86400;
    if (part == MN_HOUR) return (seconds - 86400 * day) / 3600;
    if (part == MN_MONTH) return (double)month_of((long)day);
    return fmod(fmod(day + 3, 7) + 7, 7);
}
