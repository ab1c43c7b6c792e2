/* Texts. A text may consist of two pieces, so that none has to be copied. */

typedef struct {
    const unsigned char *head, *tail;
    size_t n_head, n;
} text;

static int at(const text *t, size_t i)
{
    return i < t->n_head ? t->head[i] : t->tail[i - t->n_head];
}

static int is_white(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static text trimmed(const unsigned char *start, const unsigned char *end)
{
    text t;
    while (start < end && is_white(*start)) start++;
    while (start < end && is_white(end[-1])) end--;
    t.head = t.tail = start;
    t.n_head = t.n = (size_t)(end - start);
    return t;
}

/* The text of a cell; a missing one is empty, and that is a blank. */
static text cell_text(const char *cell)
{
    const unsigned char *start = (const unsigned char *)(cell ? cell : ""), *end = start;
    while (*end) end++;
    return trimmed(start, end);
}

static const unsigned char *stored(int i, size_t *n)
{
    *n = (size_t)(text_starts[i + 1] - text_starts[i]) - 1; /* each ends with a zero */
    return texts + text_starts[i];
}

/* Where a text stands among `count` sorted ones; -1 if it is none of them. */
static int find(const text *t, int first, int count)
{
    int low = first, high = first + count;
    while (low < high) {
        int middle = low + (high - low) / 2, difference = 0;
        size_t n, i;
        const unsigned char *other = stored(middle, &n);
        for (i = 0; i < n && i < t->n && difference == 0; i++) difference = at(t, i) - other[i];
        if (difference == 0) difference = (t->n > n) - (t->n < n);
        if (difference == 0) return middle;
        if (difference < 0) high = middle;
        else low = middle + 1;
    }
    return -1;
}

static int is_blank(const text *t)
{
    return find(t, FIRST_BLANK, BLANKS) >= 0;
}
