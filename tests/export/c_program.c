/* Predicts raw cells for tests, with the source that was written as model.c.

   Standard input: for each cell of each row its length, as an int in the order of the machine, and its bytes; -1 is
   NULL. Standard output: a line per row, the number of the class or of the error, and the probabilities. Every cell has
   memory of its own, exactly as large as it is, so that a sanitizer finds what reads past its end. */

#include "model.h"

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *cells[MODEL_COLUMNS];
    int length, i = 0, k, answer;
    while (fread(&length, sizeof length, 1, stdin) == 1) {
        cells[i] = length < 0 ? NULL : (char *)malloc((size_t)length + 1);
        if (length > 0 && fread(cells[i], 1, (size_t)length, stdin) != (size_t)length) return 3;
        if (length >= 0) cells[i][length] = 0;
        if (++i < MODEL_COLUMNS) continue;
        {
            float *probabilities = (float *)malloc(sizeof(float) * MODEL_CLASSES);
            answer = model_predict_text((const char *const *)cells, probabilities);
            printf("%d", answer);
            for (k = 0; k < MODEL_CLASSES && answer >= 0; k++) printf(" %.9g", (double)probabilities[k]);
            if (answer < 0) printf(" %s: %s", model_column(-1 - answer), model_message(answer));
            printf("\n");
            free(probabilities);
        }
        for (i = 0; i < MODEL_COLUMNS; i++) free(cells[i]);
        i = 0;
    }
    return i != 0;
}
