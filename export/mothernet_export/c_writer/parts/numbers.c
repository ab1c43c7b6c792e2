
/* Numbers, as a column writes them. */

typedef struct {
    int affix, n_affix;         /* its place among the texts, its length */
    int first_marker, n_markers; /* texts that are missing */
    char decimal, group;        /* group: R is U+2019 */
    unsigned char percent, is_boolean, is_plain;
} number_rule;

enum { DIGITS = 800 }; /* more than any rounding depends on */

/* A decimal number 0.d1d2d3... * 10^point; `more` if digits other than zero were cut off. */
typedef struct {
    unsigned char digits[DIGITS];
    int n, point, more;
} decimal;

static void trim_zeros(decimal *d)
{
    while (d->n > 0 && d->digits[d->n - 1] == 0) d->n--;
    if (d->n == 0) d->point = 0;
}

/* Multiplies by 2^shift, shift at most 59. */
static void shift_left(decimal *d, int shift)
{
    unsigned char front[20];
    uint64_t carry = 0;
    int i, n_front = 0, dropped;
    for (i = d->n - 1; i >= 0; i--) {
        carry += (uint64_t)d->digits[i] << shift;
        d->digits[i] = (unsigned char)(carry % 10);
        carry /= 10;
    }
    for (; carry; carry /= 10) front[n_front++] = (unsigned char)(carry % 10);
    dropped = d->n + n_front - DIGITS;
    for (; dropped > 0; dropped--) d->more |= d->digits[--d->n] != 0;
    for (i = d->n - 1; i >= 0; i--) d->digits[i + n_front] = d->digits[i];
    for (i = 0; i < n_front; i++) d->digits[i] = front[n_front - 1 - i];
    d->n += n_front;
    d->point += n_front;
    trim_zeros(d);
}

/* Divides by 2^shift, shift at most 59. */
static void shift_right(decimal *d, int shift)
{
    uint64_t rest = 0, low = ((uint64_t)1 << shift) - 1;
    int from = 0, to = 0;
    for (; rest >> shift == 0; from++) rest = rest * 10 + (from < d->n ? d->digits[from] : 0u);
    d->point -= from - 1;
    for (; from < d->n || rest; from++) {
        unsigned digit = (unsigned)(rest >> shift);
        rest = (rest & low) * 10 + (from < d->n ? d->digits[from] : 0u);
        if (to < DIGITS) d->digits[to++] = (unsigned char)digit;
        else d->more |= digit != 0;
    }
    d->n = to;
    trim_zeros(d);
}

/* The nearest float64, ties to even. */
static double nearest(decimal *d)
{
    uint64_t mantissa = 0;
    int exponent = 0, bits = 53, i, up; /* the number is d * 2^exponent */
    double value;
    trim_zeros(d);
    if (d->n == 0 || d->point < -330) return 0.0;
    if (d->point > 310) return HUGE_VAL;
    while (d->point > 0) {
        int shift = d->point > 17 ? 56 : d->point * 3 + 1;
        shift_right(d, shift);
        exponent += shift;
    }
    while (d->point < 0 || d->digits[0] < 5) { /* until it is 1/2 or more, and below 1 */
        int shift = d->point < -17 ? 56 : d->point < 0 ? -d->point * 3 : 1;
        shift_left(d, shift);
        exponent -= shift;
    }
    if (exponent < -1021) bits = 53 - (-1021 - exponent); /* subnormal */
    if (bits < 0) return 0.0;
    shift_left(d, bits);
    exponent -= bits;
    for (i = 0; i < d->point; i++) mantissa = mantissa * 10 + (i < d->n ? d->digits[i] : 0u);
    up = i < d->n && d->digits[i] >= 5;
    if (up && d->digits[i] == 5 && i + 1 >= d->n && !d->more) up = (int)(mantissa & 1);
    value = (double)(mantissa + (uint64_t)up);
    for (; exponent >= 32; exponent -= 32) value *= 4294967296.0;
    for (; exponent > 0; exponent--) value *= 2.0;
    for (; exponent <= -32; exponent += 32) value /= 4294967296.0;
    for (; exponent < 0; exponent++) value /= 2.0;
    return value;
}

/* What digits say whose form has been checked; signs of groups do not count. */
static double digits_value(const text *t, size_t i, size_t end, char sign)
{
    uint64_t mantissa = 0;
    size_t j;
    int n = 0, after = 0, exponent = 0, negative = 0;
    long position = 0; /* of the decimal sign, in digits that count */
    decimal d;
    for (j = i; j < end && at(t, j) != 'e' && at(t, j) != 'E'; j++) {
        int c = at(t, j);
        if (c == sign) after = 1;
        if (!is_digit(c)) continue;
        if (n > 0 || c != '0') {
            if (n < 19) mantissa = mantissa * 10 + (uint64_t)(c - '0');
            n += n < 20; /* 20 means more than 19 */
            position += !after;
        } else if (after) {
            position--;
        }
    }
    if (n == 0) return 0.0;
    if (j < end) {
        j++;
        negative = at(t, j) == '-';
        j += at(t, j) == '-' || at(t, j) == '+';
        for (; j < end; j++) exponent = exponent < 100000000 ? exponent * 10 + at(t, j) - '0' : exponent;
        position += negative ? -exponent : exponent;
    }
    if (n <= 19 && mantissa <= (uint64_t)1 << 53) { /* one exact operation rounds once */
        long power = position - n;
        if (power >= 0 && power <= 22) return (double)mantissa * powers_of_ten[power];
        if (power < 0 && power >= -22) return (double)mantissa / powers_of_ten[-power];
    }
    d.n = d.more = 0;
    d.point = position > 1000 ? 1000 : position < -1000 ? -1000 : (int)position;
    for (j = i; j < end && at(t, j) != 'e' && at(t, j) != 'E'; j++) {
        int c = at(t, j);
        if (!is_digit(c) || (d.n == 0 && c == '0')) continue;
        if (d.n < DIGITS) d.digits[d.n++] = (unsigned char)(c - '0');
        else d.more |= c != '0';
    }
    return nearest(&d);
}

/* Whether the text goes on with these bytes. */
static int has(const text *t, size_t i, size_t end, const unsigned char *bytes, size_t n)
{
    size_t k;
    if (end - i < n) return 0;
    for (k = 0; k < n; k++)
        if (at(t, i + k) != bytes[k]) return 0;
    return 1;
}

/* Length of a no-break space U+00A0 or U+202F, 0 if there is none. */
static size_t no_break_space(const text *t, size_t i, size_t end)
{
    static const unsigned char wide[] = {0xC2, 0xA0}, narrow[] = {0xE2, 0x80, 0xAF};
    return has(t, i, end, wide, 2) ? 2 : has(t, i, end, narrow, 3) ? 3 : 0;
}

static size_t skip_spaces(const text *t, size_t i, size_t end)
{
    for (;;) {
        size_t n = i < end && is_white(at(t, i)) ? 1 : no_break_space(t, i, end);
        if (n == 0) return i;
        i += n;
    }
}

static size_t drop_spaces(const text *t, size_t start, size_t end)
{
    for (;;) {
        if (end > start && is_white(at(t, end - 1))) end--;
        else if (end >= start + 2 && no_break_space(t, end - 2, end) == 2) end -= 2;
        else if (end >= start + 3 && no_break_space(t, end - 3, end) == 3) end -= 3;
        else return end;
    }
}

/* Length of the sign between groups of digits, 0 if there is none. */
static size_t group_sign(const text *t, size_t i, size_t end, char group)
{
    static const unsigned char quote[] = {0xE2, 0x80, 0x99};
    if (group == 0 || i >= end) return 0;
    if (group == 'R') return has(t, i, end, quote, 3) ? 3 : 0;
    if (at(t, i) == group) return 1;
    return group == ' ' ? no_break_space(t, i, end) : 0;
}

/* digits = (?:whole(?:D[0-9]*)?|D[0-9]+)(?:[eE][+-]?[0-9]+)?, and nothing behind them */
static int is_number(const text *t, size_t i, size_t end, char sign, char group)
{
    size_t n = run_of_digits(t, i, end), step, n_fraction = 0;
    int has_whole = n > 0;
    i += n;
    step = has_whole ? group_sign(t, i, end, group) : 0;
    if (step && n > 3) return 0;
    while (step) {
        i += step;
        n = run_of_digits(t, i, end);
        i += n;
        step = group_sign(t, i, end, group);
        if (n != 3 && !(n == 2 && group == ',' && step)) return 0; /* 12,34,567 is usual in India */
    }
    if (i < end && at(t, i) == sign) {
        n_fraction = run_of_digits(t, i + 1, end);
        i += 1 + n_fraction;
    }
    if (!has_whole && n_fraction == 0) return 0;
    if (i < end && (at(t, i) == 'e' || at(t, i) == 'E')) {
        i++;
        if (i < end && (at(t, i) == '+' || at(t, i) == '-')) i++;
        n = run_of_digits(t, i, end);
        if (n == 0) return 0;
        i += n;
    }
    return i == end;
}

/* digits percent */
static int read_digits(const text *t, size_t i, size_t end, char sign, char group, int percent, double *value)
{
    int is_percent = percent && end > i && at(t, end - 1) == '%';
    if (is_percent) end = drop_spaces(t, i, end - 1);
    if (!is_number(t, i, end, sign, group)) return 0;
    *value = digits_value(t, i, end, sign);
    if (is_percent) *value /= 100;
    return 1;
}

static int is_sign(const text *t, size_t i)
{
    return i < t->n && (at(t, i) == '+' || at(t, i) == '-');
}

/* The number without its sign; `signs` counts them, and is 2 too many if one is a minus. */
static int read_way(const text *t, const number_rule *rule, char sign, char group, int *signs, double *value)
{
    const unsigned char *affix = texts + rule->affix;
    size_t n_affix = (size_t)rule->n_affix, i;
    int skip;
    for (skip = n_affix ? is_sign(t, 0) : -1; skip >= 0; skip--) { /* before = [+-]?affix S[+-]?digits percent */
        if (!has(t, (size_t)skip, t->n, affix, n_affix)) continue;
        i = skip_spaces(t, (size_t)skip + n_affix, t->n);
        *signs = (skip ? at(t, 0) == '-' ? 3 : 1 : 0) + (is_sign(t, i) ? at(t, i) == '-' ? 3 : 1 : 0);
        if (read_digits(t, i + (size_t)is_sign(t, i), t->n, sign, group, rule->percent, value)) return 1;
    }
    i = (size_t)is_sign(t, 0); /* after = [+-]?digits percent(?:S affix)? */
    *signs = i ? at(t, 0) == '-' ? 3 : 1 : 0;
    if (read_digits(t, i, t->n, sign, group, rule->percent, value)) return 1;
    if (n_affix == 0 || t->n < i + n_affix || !has(t, t->n - n_affix, t->n, affix, n_affix)) return 0;
    return read_digits(t, i, drop_spaces(t, i, t->n - n_affix), sign, group, rule->percent, value);
}

static text piece(const text *t, size_t start, size_t end)
{
    return trimmed(t->head + start, t->head + end);
}

/* What stands in parentheses, as accountants write negative numbers; the affix may stand before or behind them. */
static int in_parentheses(const text *t, const number_rule *rule, text *inside)
{
    const unsigned char *affix = texts + rule->affix;
    size_t n_affix = (size_t)rule->n_affix, start = 0, end = t->n;
    int before = 0, behind = 0;
    if (t->n == 0 || (at(t, 0) != '(' && at(t, t->n - 1) != ')')) return 0;
    if (n_affix && at(t, end - 1) == ')' && has(t, 0, end, affix, n_affix)) {
        before = 1;
        start = skip_spaces(t, n_affix, end);
    } else if (n_affix && at(t, 0) == '(' && end >= n_affix && has(t, end - n_affix, end, affix, n_affix)) {
        behind = 1;
        end = drop_spaces(t, 0, end - n_affix);
    }
    if (end < start + 2 || at(t, start) != '(' || at(t, end - 1) != ')') return 0;
    *inside = piece(t, start + 1, end - 1);
    if (before) {
        inside->head = affix;
        inside->n_head = n_affix;
    } else if (behind) {
        inside->tail = affix;
    }
    if (before || behind) inside->n += n_affix;
    return 1;
}

static int is_word(const text *t, size_t i, const char *word)
{
    for (; *word; i++, word++)
        if (i >= t->n || (at(t, i) | 32) != *word) return 0;
    return i == t->n;
}

static int number_of_text(const text *t, const number_rule *rule, double *value)
{
    text inside = *t;
    int negative = in_parentheses(t, rule, &inside), signs, is_plain;
    size_t i = (size_t)is_sign(t, 0);
    for (is_plain = 0; is_plain < 2; is_plain++) { /* the column's way, then the plain one */
        char sign = is_plain ? '.' : rule->decimal, group = is_plain ? 0 : rule->group;
        if (is_plain && rule->group == 0 && rule->decimal == '.') continue;
        if (!read_way(&inside, rule, sign, group, &signs, value)) continue;
        if (signs != 0 && (negative || (signs != 1 && signs != 3))) return 0;
        if (negative || signs == 3) *value = -*value;
        return 1;
    }
    if (is_word(t, i, "nan")) *value = (double)NAN;
    else if (is_word(t, i, "inf") || is_word(t, i, "infinity")) *value = i && at(t, 0) == '-' ? -HUGE_VAL : HUGE_VAL;
    else return 0;
    return 1;
}

static int boolean_of_text(const text *t, double *value)
{
    static const char *const words[] = {"false", "f", "no", "n", "off", "true", "t", "yes", "y", "on"};
    int i;
    for (i = 0; i < 10; i++)
        if (is_word(t, 0, words[i])) {
            *value = i >= 5;
            return 1;
        }
    return 0;
}

/* The number of a cell, NaN where it is missing; 0 if it says none. */
static int read_number(const char *cell, const number_rule *rule, double *value)
{
    text t = cell_text(cell);
    if (rule->is_plain && number_of_text(&t, rule, value)) return 1; /* no blank and no marker says a number here */
    if (is_blank(&t) || find(&t, rule->first_marker, rule->n_markers) >= 0) {
        *value = (double)NAN;
        return 1;
    }
    return (!rule->is_plain && number_of_text(&t, rule, value)) || (rule->is_boolean && boolean_of_text(&t, value));
}
