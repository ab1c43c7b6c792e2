/* A program for a bare Cortex-M: predicts raw cells, and says answers, cycles and stack by semihosting.

   rows.h has ROWS, CELLS (an array of rows of texts) and TYPED (an array of model_row). Without RUN, the program is
   what a user's would link: one call, of raw cells if TEXT is defined. */

#include "model.h"

#include <stddef.h>
#include <stdint.h>

#include "rows.h"

extern uint32_t stack_end;
int main(void);

void start(void);

__attribute__((section(".vectors"), used)) static void *const vectors[] = {&stack_end, (void *)start};

#ifdef RUN
static uint32_t host(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void say_number(uint32_t number)
{
    char text[12];
    int i = 11;
    text[11] = 0;
    text[--i] = ' ';
    do text[--i] = (char)('0' + number % 10);
    while (number /= 10);
    host(4, text + i);
}

static uint32_t bits(float number)
{
    union {
        float number;
        uint32_t bits;
    } as;
    as.number = number;
    return as.bits;
}

#define SYSTICK ((volatile uint32_t *)0xE000E010)

static uint32_t ticks(void)
{
    return 0xFFFFFF - SYSTICK[2];
}

extern uint32_t stack_start;

static uint32_t free_stack(void)
{
    uint32_t *word = &stack_start;
    while (*word == 0xA5A5A5A5) word++;
    return (uint32_t)((char *)word - (char *)&stack_start);
}

static void paint_stack(void)
{
    uint32_t *word = &stack_start;
    uint32_t here;
    while (word < &here - 8) *word++ = 0xA5A5A5A5; /* what lies below may be of this function */
}

static int predict(int text, int row, float *probabilities)
{
    return text ? model_predict_text(CELLS[row], probabilities) : model_predict(&TYPED[row], probabilities);
}

int main(void)
{
    float probabilities[MODEL_CLASSES];
    int text, row, k, answer;
    SYSTICK[1] = 0xFFFFFF;
    SYSTICK[0] = 5; /* on, by the clock of the processor */
    for (text = 0; text < 2; text++) {
        uint32_t before;
        for (row = 0; row < ROWS; row++) {
            answer = predict(text, row, probabilities);
            say_number((uint32_t)(answer + 1000));
            for (k = 0; k < MODEL_CLASSES; k++) say_number(bits(probabilities[k]));
            host(4, "\n");
        }
        before = ticks();
        for (row = 0; row < ROWS; row++) predict(text, row, probabilities);
        host(4, "ticks ");
        say_number(ticks() - before);
        paint_stack();
        before = free_stack();
        for (row = 0; row < ROWS; row++) predict(text, row, probabilities);
        host(4, "stack ");
        say_number(before - free_stack());
        host(4, "\n");
    }
    host(0x18, (const void *)0x20026); /* the program has ended */
    return 0;
}
#else
volatile float answer;

int main(void)
{
    float probabilities[MODEL_CLASSES];
#ifdef TEXT
    model_predict_text(CELLS[0], probabilities);
#else
    model_predict(&TYPED[0], probabilities);
#endif
    answer = probabilities[0];
    return 0;
}
#endif

void start(void)
{
#if defined(__ARM_FP)
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* the unit of floating point */
    __asm__ volatile("dsb\n isb");
#endif
    main();
    for (;;) continue;
}
