
static int is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* How many digits stand side by side. */
static size_t run_of_digits(const text *t, size_t i, size_t end)
{
    size_t start = i;
    while (i < end && is_digit(at(t, i))) i++;
    return i - start;
}

static const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                       1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
