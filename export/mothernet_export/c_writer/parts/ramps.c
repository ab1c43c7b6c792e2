
/* A number between two knots takes so much of the row of each; beyond them, it stays at the outer one. */
static void add_number(sum *sums, float x, const float *knot, int n_knots, int row)
{
    const weight *below, *above;
    float share;
    sum of_below, of_above;
    int k = 0, j;
    if (x != x) return; /* missing: sums begin as if all cells were */
    for (j = 1; j < n_knots - 1; j++) k += x >= knot[j];
    share = (x - knot[k]) / (knot[k + 1] - knot[k]);
    share = share < 0.0f ? 0.0f : share > 1.0f ? 1.0f : share;
    of_below = first_factor(row + k, 1.0f - share);
    of_above = first_factor(row + k + 1, share);
    below = first_weights + (size_t)(row + k) * UNITS;
    above = below + UNITS;
    for (j = 0; j < UNITS; j++) sums[j] += of_below * below[j] + of_above * above[j];
}
