/* Nanoseconds of processor time that one row takes, typed and as raw cells: the least of several rounds.

   rows.h has ROWS, CELLS (an array of rows of texts) and TYPED (an array of model_row). */

#include "model.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "rows.h"

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(void)
{
    float probabilities[MODEL_CLASSES];
    volatile int sum = 0;
    int text, round, repeat, row;
    for (text = 0; text < 2; text++) {
        double best = 1e30;
        for (round = 0; round < 20; round++) {
            double start = now(), taken;
            for (repeat = 0; repeat < 10; repeat++)
                for (row = 0; row < ROWS; row++)
                    sum += text ? model_predict_text(CELLS[row], probabilities)
                                : model_predict(&TYPED[row], probabilities);
            taken = (now() - start) / (10.0 * ROWS);
            best = taken < best ? taken : best;
        }
        printf("%.1f ", best);
    }
    return 0;
}
