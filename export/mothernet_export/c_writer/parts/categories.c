
/* Categories: texts in Unicode's form NFC. Two texts are the same in NFC if they are the same in NFD, in which all
   categories are stored; and of what NFD changes, no more has to be known than what leads to characters of theirs. */

typedef struct {
    int first, count; /* sorted texts: categories, and texts that are missing */
    int missing, other; /* codes */
    int integers;
} category_rule;

/* Decodes a character; 0 if it is no UTF-8. */
static int take_point(const text *t, size_t *i, uint32_t *point)
{
    int c = at(t, *i), n = c < 0x80 ? 0 : c < 0xC2 ? -1 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : c < 0xF5 ? 3 : -1;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    int k;
    if (n < 0 || t->n - *i <= (size_t)n) return 0;
    *point = (uint32_t)(n ? c & (0x3F >> n) : c);
    for (k = 1; k <= n; k++) {
        c = at(t, *i + (size_t)k);
        if ((c & 0xC0) != 0x80) return 0;
        *point = *point << 6 | (uint32_t)(c & 0x3F);
    }
    *i += (size_t)n + 1;
    return *point >= least[n] && *point <= 0x10FFFF && (*point < 0xD800 || *point > 0xDFFF);
}

static int find_point(uint32_t point, const uint32_t *points, int count)
{
    int low = 0, high = count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (points[middle] < point) low = middle + 1;
        else high = middle;
    }
    return low < count && points[low] == point ? low : -1;
}

static int mark_class(uint32_t point)
{
    int i = find_point(point, marks, N_MARKS);
    return i < 0 ? 0 : mark_classes[i];
}

typedef struct {
    unsigned char bytes[LONGEST];
    size_t n;
    int is_too_long;
} canonical_text;

/* Adds a character; marks are put in order by their class. */
static void add_point(canonical_text *to, uint32_t point)
{
    unsigned char bytes[4];
    size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4, place = to->n, i;
    int mark = mark_class(point);
    if (to->n + n > LONGEST) to->is_too_long = 1;
    if (to->is_too_long) return;
    for (i = n - 1; i > 0; i--) {
        bytes[i] = (unsigned char)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    bytes[0] = (unsigned char)((n == 1 ? 0 : n == 2 ? 0xC0 : n == 3 ? 0xE0 : 0xF0) | point);
    while (mark > 0 && place > 0) {
        size_t before = place - 1, start;
        uint32_t last = 0;
        text t;
        while ((to->bytes[before] & 0xC0) == 0x80) before--;
        t.head = t.tail = to->bytes;
        t.n_head = t.n = to->n;
        start = before;
        (void)take_point(&t, &start, &last);
        if (mark_class(last) <= mark) break;
        place = before;
    }
    for (i = to->n; i > place; i--) to->bytes[i - 1 + n] = to->bytes[i - 1];
    for (i = 0; i < n; i++) to->bytes[place + i] = bytes[i];
    to->n += n;
}

/* The form NFD of a text, as far as categories need it; 0 if it is no UTF-8. */
static int make_canonical(const text *t, canonical_text *to)
{
    size_t i = 0;
    uint32_t point;
    to->n = 0;
    to->is_too_long = 0;
    while (i < t->n) {
        int k;
        if (!take_point(t, &i, &point)) return 0;
        k = find_point(point, composed, N_COMPOSED);
        if (k >= 0) {
            int part;
            for (part = composed_starts[k]; part < composed_starts[k + 1]; part++) add_point(to, composed_parts[part]);
        } else if (point >= 0xAC00 && point <= 0xD7A3) { /* a syllable of Hangul */
            point -= 0xAC00;
            add_point(to, 0x1100 + point / 588);
            add_point(to, 0x1161 + point % 588 / 28);
            if (point % 28) add_point(to, 0x11A7 + point % 28);
        } else {
            add_point(to, point);
        }
    }
    return 1;
}

/* [+-]?[0-9]+(?:\.0*)? as that integer in decimal: `integer` is the text of it. */
static int is_integer(const text *t, text *integer)
{
    static const unsigned char minus[] = "-";
    size_t start = t->n > 0 && (at(t, 0) == '+' || at(t, 0) == '-'), end = start, i;
    while (end < t->n && at(t, end) >= '0' && at(t, end) <= '9') end++;
    if (end == start) return 0;
    for (i = end; i < t->n; i++)
        if (at(t, i) != (i == end ? '.' : '0')) return 0;
    i = start;
    while (i + 1 < end && at(t, i) == '0') i++;
    integer->head = minus;
    integer->n_head = at(t, 0) == '-' && at(t, i) != '0';
    integer->tail = t->head + i;
    integer->n = integer->n_head + (end - i);
    return 1;
}

/* The code of a cell; 0 if it is no UTF-8. */
static int read_category(const char *cell, const category_rule *rule, int *code)
{
    text t = cell_text(cell), integer;
    canonical_text canonical;
    size_t i = 0;
    int place;
    *code = rule->other;
    while (i < t.n && at(&t, i) < 0x80) i++;
    if (i < t.n) {
        if (!make_canonical(&t, &canonical)) return 0;
        if (canonical.is_too_long) return 1;
        t.head = t.tail = canonical.bytes;
        t.n_head = t.n = canonical.n;
    }
    if (rule->missing != rule->other && is_blank(&t)) {
        *code = rule->missing;
        return 1;
    }
    place = find(&t, rule->first, rule->count);
    if (place >= 0) {
        *code = codes[place - FIRST_CODE];
    } else if (rule->integers && is_integer(&t, &integer)) {
        place = find(&integer, rule->first, rule->count);
        if (place >= 0 && codes[place - FIRST_CODE] != rule->missing) *code = codes[place - FIRST_CODE];
    }
    return 1;
}
