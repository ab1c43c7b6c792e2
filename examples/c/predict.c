/* Predicts one row, which is given as NAME=CELL for the columns that are known; the others are missing.

       ./predict depot=Liège service=express weight_kg=2.5 */

#include "parcels.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *cells[PARCELS_COLUMNS] = {NULL};
    float probabilities[PARCELS_CLASSES];
    int i, k, answer;
    for (i = 1; i < argc; i++) {
        size_t length = strcspn(argv[i], "=");
        for (k = 0; k < PARCELS_COLUMNS; k++)
            if (strlen(parcels_column(k)) == length && strncmp(parcels_column(k), argv[i], length) == 0) break;
        if (k == PARCELS_COLUMNS || argv[i][length] == 0) {
            fprintf(stderr, "arguments must be NAME=CELL with the name of a column, however: %s\n", argv[i]);
            return 2;
        }
        cells[k] = argv[i] + length + 1;
    }
    answer = parcels_predict_text(cells, probabilities);
    if (answer < 0) {
        fprintf(stderr, "%s: %s\n", parcels_column(-1 - answer), parcels_message(answer));
        return 2;
    }
    printf("%s\n", parcels_label(answer));
    for (k = 0; k < PARCELS_CLASSES; k++) printf("  %.4f %s\n", (double)probabilities[k], parcels_label(k));
    return 0;
}
