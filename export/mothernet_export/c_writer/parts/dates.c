
/* Dates and times of day: seconds since 1970-01-01 00:00, of UTC where a cell names an offset. */

typedef struct {
    char pattern;                /* Y, D, M: what comes first; T: times of day */
    int first_marker, n_markers; /* texts that are missing */
} date_rule;

/* Reads `least` to `most` digits that no further one follows. */
static int take_digits(const text *t, size_t *i, size_t least, size_t most, int *value)
{
    size_t n = run_of_digits(t, *i, t->n), end = *i + n;
    if (n < least || n > most) return 0;
    for (*value = 0; *i < end; (*i)++) *value = *value * 10 + at(t, *i) - '0';
    return 1;
}

static int next(const text *t, size_t i)
{
    return i < t->n ? at(t, i) : 0;
}

/* Steps over a character if it is there. */
static int take(const text *t, size_t *i, int c)
{
    if (next(t, *i) != c) return 0;
    ++*i;
    return 1;
}

/* Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})? and the end */
static int read_zone(const text *t, size_t i, int *offset)
{
    int sign = next(t, i), digits, hours, minutes = 0;
    size_t n;
    *offset = 0;
    if (i + 3 == t->n && ((sign == 'U' && next(t, i + 1) == 'T' && next(t, i + 2) == 'C') ||
                          (sign == 'G' && next(t, i + 1) == 'M' && next(t, i + 2) == 'T')))
        return 1;
    if (sign == 'Z' || sign == 'z') return i + 1 == t->n;
    if (sign != '+' && sign != '-') return 0;
    i++;
    n = run_of_digits(t, i, t->n);
    if ((n != 2 && n != 4) || !take_digits(t, &i, 2, 4, &digits)) return 0;
    hours = n == 4 ? digits / 100 : digits;
    minutes = n == 4 ? digits % 100 : 0;
    if (n == 2 && take(t, &i, ':') && !take_digits(t, &i, 2, 2, &minutes)) return 0;
    if (i != t->n || hours > 23 || minutes > 59) return 0;
    *offset = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return 1;
}

/* [0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?)?(?: ?zone)? and the end */
static int read_time(const text *t, size_t i, int *seconds, double *fraction)
{
    int hour, minute, second = 0, offset = 0, digits = 0, half;
    size_t start, after;
    *fraction = 0.0;
    if (!take_digits(t, &i, 1, 2, &hour) || !take(t, &i, ':') || !take_digits(t, &i, 2, 2, &minute)) return 0;
    if (take(t, &i, ':')) {
        if (!take_digits(t, &i, 2, 2, &second)) return 0;
        if (take(t, &i, '.') || take(t, &i, ',')) {
            start = i;
            if (!take_digits(t, &i, 1, 9, &digits)) return 0;
            *fraction = (double)digits / powers_of_ten[i - start];
        }
    }
    after = i + (next(t, i) == ' ');
    half = next(t, after) | 32;
    if (half == 'a' || half == 'p') {
        i = after + 1;
        (void)take(t, &i, '.');
        if ((next(t, i) | 32) != 'm') return 0;
        i++;
        (void)take(t, &i, '.');
        if (hour < 1 || hour > 12) return 0;
        hour = hour % 12 + (half == 'p' ? 12 : 0);
    }
    if (i < t->n && !read_zone(t, i + (next(t, i) == ' '), &offset)) return 0;
    if (hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute || second || digits))) return 0;
    *seconds = hour * 3600 + minute * 60 + second - offset;
    return 1;
}

static int is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 1970-01-01; 0 if there is no such day. */
static int days_of(int year, int month, int day, long *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    long before = year - 1;
    int i;
    if (year < 1 || month < 1 || month > 12 || day < 1) return 0;
    if (day > lengths[month - 1] + (month == 2 && is_leap(year))) return 0;
    *days = before * 365 + before / 4 - before / 100 + before / 400 + day - 719163L;
    for (i = 1; i < month; i++) *days += lengths[i - 1] + (i == 2 && is_leap(year));
    return 1;
}

/* A month by its English name or the first three or four letters of it, and a point; 0 if there is none. */
static int take_month(const text *t, size_t *i)
{
    static const char *const names[] = {"january", "february", "march",     "april",   "may",      "june",
                                        "july",    "august",   "september", "october", "november", "december"};
    int month;
    size_t n = 0, k;
    while ((next(t, *i + n) | 32) >= 'a' && (next(t, *i + n) | 32) <= 'z') n++;
    if (n < 3) return 0;
    for (month = 0; month < 12; month++) {
        for (k = 0; k < n && (next(t, *i + k) | 32) == names[month][k]; k++) continue;
        if (k == n && (n <= 4 || names[month][n] == 0)) break;
    }
    if (month == 12) return 0;
    *i += n;
    (void)take(t, i, '.');
    return month + 1;
}

static int take_year(const text *t, size_t *i, int *year)
{
    size_t n = run_of_digits(t, *i, t->n);
    if ((n != 2 && n != 4) || !take_digits(t, i, 2, 4, year)) return 0;
    if (n == 2) *year += *year < 69 ? 2000 : 1900; /* as POSIX has it */
    return 1;
}

static int take_sign(const text *t, size_t *i, int sign)
{
    return (sign == '-' || sign == '/' || sign == '.') && take(t, i, sign);
}

/* A date in the order that the column declares. */
static int take_date(const text *t, size_t *i, char pattern, int *year, int *month, int *day)
{
    int first = pattern == 'M' && run_of_digits(t, 0, t->n) == 0 ? take_month(t, i) : 0, sign;
    if (first) { /* name D,? Y */
        *month = first;
        if (!take(t, i, ' ') || !take_digits(t, i, 1, 2, day)) return 0;
        (void)take(t, i, ',');
        return take(t, i, ' ') && take_year(t, i, year);
    }
    if (!take_digits(t, i, 1, 2, &first)) return 0;
    sign = next(t, *i);
    if (pattern == 'D' && (next(t, *i + 1) | 32) >= 'a') { /* D\.?[- ]name[- ,] ?Y */
        if (sign != ' ' && sign != '-') return 0;
    } else if (pattern == 'D' && sign == '.' && (next(t, *i + 1) == ' ' || next(t, *i + 1) == '-')) {
        ++*i;
    } else { /* DsMsY, MsDsY */
        *day = *month = first;
        return take_sign(t, i, sign) && take_digits(t, i, 1, 2, pattern == 'D' ? month : day) &&
               take_sign(t, i, sign) && take_year(t, i, year);
    }
    ++*i;
    *day = first;
    *month = take_month(t, i);
    if (*month == 0 || !(take(t, i, '-') || take(t, i, ' ') || take(t, i, ','))) return 0;
    (void)take(t, i, ' ');
    return take_year(t, i, year);
}

/* ISO 8601, in any column but one of times; YYYYsMsD and YYYYMMDD where years come first. */
static int take_iso(const text *t, size_t *i, char pattern, int *year, int *month, int *day)
{
    size_t n = run_of_digits(t, 0, t->n), least = pattern == 'Y' ? 1 : 2;
    int sign = next(t, n), digits;
    if (pattern == 'Y' && n == 8 && take_digits(t, i, 8, 8, &digits)) {
        *year = digits / 10000;
        *month = digits / 100 % 100;
        *day = digits % 100;
        return 1;
    }
    return take_digits(t, i, 4, 4, year) && (pattern == 'Y' || sign == '-') && take_sign(t, i, sign) &&
           take_digits(t, i, least, 2, month) && take_sign(t, i, sign) && take_digits(t, i, least, 2, day);
}

static int seconds_of_text(const text *t, char pattern, double *value)
{
    size_t i = 0, n = run_of_digits(t, 0, t->n);
    int year, month, day, seconds = 0;
    long days = 0;
    double fraction = 0.0;
    if (pattern == 'T') {
        if (!read_time(t, 0, &seconds, &fraction)) return 0;
    } else {
        int is_iso = n == 4 || (pattern == 'Y' && n == 8);
        if (!(is_iso ? take_iso(t, &i, pattern, &year, &month, &day)
                     : pattern != 'Y' && take_date(t, &i, pattern, &year, &month, &day)))
            return 0;
        if (!days_of(year, month, day, &days)) return 0;
        if (i < t->n) {
            if (!take(t, &i, 'T') && !take(t, &i, 't')) {
                if (n == 8) return 0;
                (void)take(t, &i, ',');
                if (!take(t, &i, ' ')) return 0;
            }
            if (!read_time(t, i, &seconds, &fraction)) return 0;
        }
    }
    *value = 86400.0 * (double)days + (double)seconds + fraction;
    return 1;
}

/* The seconds of a cell, NaN where it is missing; 0 if it says no date. */
static int read_date(const char *cell, const date_rule *rule, double *value)
{
    text t = cell_text(cell);
    if (is_blank(&t) || find(&t, rule->first_marker, rule->n_markers) >= 0) {
        *value = (double)NAN;
        return 1;
    }
    return seconds_of_text(&t, rule->pattern, value);
}

/* Years 1 to 9999, and what an offset from UTC adds to them; or missing. */
static int is_date(double seconds)
{
    return seconds != seconds || (seconds >= -62135683200.0 && seconds < 253402387200.0);
}
