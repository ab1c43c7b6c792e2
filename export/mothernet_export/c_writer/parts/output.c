
/* e^x for x <= 0, within 2e-7 of it, so that no library of mathematics is needed; the polynomial is that of Cephes. */
static float exponential(float x)
{
    float r, power, factor = 0.5f;
    int halvings;
    if (!(x >= -87.0f)) return 0.0f;
    halvings = (int)(0.5f - x * 1.44269504f);
    r = (x + (float)halvings * 0.693359375f) - (float)halvings * 2.12194440e-4f; /* ln 2 in two parts */
    power = (((1.9875691500e-4f * r + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r + 4.1665795894e-2f) * r;
    power = ((power + 1.6666665459e-1f) * r + 5.0000001201e-1f) * r * r + r + 1.0f;
    for (; halvings; halvings >>= 1) {
        if (halvings & 1) power *= factor;
        factor *= factor;
    }
    return power;
}

/* Probabilities, and the class with the largest, the first of equals. */
static int answer(const sum *sums, float *probabilities)
{
    const weight *weights = output_weights;
    sum outputs[CLASSES];
    float largest, total = 0.0f;
    int j, k, best = 0;
    for (k = 0; k < CLASSES; k++) outputs[k] = 0;
    for (j = 0; j < HIDDEN; j++, weights += CLASSES) {
        float unit = first_sum(sums, j);
        sum factor = output_factor(j, unit < 0.0f ? 0.0f : unit > 1.0f ? 1.0f : unit);
        for (k = 0; k < CLASSES; k++) outputs[k] += factor * weights[k];
    }
    for (k = 0; k < CLASSES; k++) probabilities[k] = first_sum(sums, HIDDEN + k) + output_sum(outputs, k);
    largest = probabilities[0];
    for (k = 1; k < CLASSES; k++) largest = probabilities[k] > largest ? probabilities[k] : largest;
    for (k = 0; k < CLASSES; k++) total += probabilities[k] = exponential(probabilities[k] - largest);
    for (k = 0; k < CLASSES; k++) {
        probabilities[k] /= total;
        if (probabilities[k] > probabilities[best]) best = k;
    }
    return best;
}
