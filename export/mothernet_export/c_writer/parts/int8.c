
/* Weights are 8-bit integers, each row with a multiplier and each column with a scale; sums are integers too. */

typedef int8_t weight;
typedef int32_t sum;

static int32_t first_factor(int row, float share)
{
    return (int32_t)(share * (float)first_multipliers[row] + 0.5f);
}

static int32_t output_factor(int unit, float share)
{
    return (int32_t)(share * (float)output_multipliers[unit] + 0.5f);
}

static void begin(int32_t *sums)
{
    int j;
    for (j = 0; j < UNITS; j++) sums[j] = 0;
}

static float first_sum(const int32_t *sums, int j)
{
    return first_sums[j] + first_scales[j] * (float)sums[j];
}

static float output_sum(const int32_t *sums, int k)
{
    return output_scales[k] * (float)sums[k];
}
