
/* Adds a row of the first layer. */
static void add_row(sum *sums, int row)
{
    const weight *weights = first_weights + (size_t)row * UNITS;
    const sum factor = first_factor(row, 1.0f);
    int j;
    for (j = 0; j < UNITS; j++) sums[j] += factor * weights[j];
}
