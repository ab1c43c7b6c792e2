/* One row through an .onnx file, again and again, by the C interface of onnxruntime: what instructions.py counts.

   one_row LIBRARY MODEL INPUTS CALLS

   INPUTS has, for each input, a line "NAME TYPE COLUMNS" (TYPE f or s) and the cells: float32, or texts ended by a zero
   byte. A call makes the tensors from the cells, runs the graph and lets go of what it gave. WARM_UP calls come before
   those that callgrind counts; the last call's second output is printed after them. There is no header in the wheel of onnxruntime: functions are taken by their place in the table of
   the interface, which later versions only append to. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

enum {
  GET_ERROR_MESSAGE = 2, CREATE_ENV = 3, CREATE_SESSION = 7, RUN = 9, CREATE_SESSION_OPTIONS = 10,
  SET_LOG_LEVEL = 22, SET_INTRA_OP_THREADS = 24, SET_INTER_OP_THREADS = 25, OUTPUT_NAME = 37, CREATE_TENSOR = 48,
  CREATE_TENSOR_WITH_DATA = 49, TENSOR_DATA = 51, FILL_STRINGS = 52, ELEMENT_COUNT = 64, TYPE_AND_SHAPE = 65,
  CREATE_CPU_MEMORY_INFO = 69, DEFAULT_ALLOCATOR = 78, RELEASE_VALUE = 96,
  RELEASE_SHAPE = 99
};
enum { FLOAT = 1, STRING = 8, MAX_INPUTS = 2, MAX_COLUMNS = 4096, WARM_UP = 50 };

static void **api;

/* Functions give NULL or a status. */
#define CALL(function, ...) check(((void *(*)())api[function])(__VA_ARGS__))
#define RELEASE(function, what) ((void (*)(void *))api[function])(what)

static void check(void *status) {
  if (!status) return;
  fprintf(stderr, "%s\n", ((const char *(*)(void *))api[GET_ERROR_MESSAGE])(status));
  exit(1);
}

struct input { char name[64], type; int columns; float numbers[MAX_COLUMNS]; char *texts[MAX_COLUMNS]; };

static int read_inputs(const char *path, struct input *inputs) {
  FILE *file = fopen(path, "rb");
  int n = 0;
  if (!file) return 0;
  while (n < MAX_INPUTS && fscanf(file, "%63s %c %d", inputs[n].name, &inputs[n].type, &inputs[n].columns) == 3) {
    struct input *input = &inputs[n++];
    if (fgetc(file) != '\n' || input->columns < 1 || input->columns > MAX_COLUMNS) return 0;
    for (int i = 0; i < input->columns; i++) {
      size_t room = 0;
      input->texts[i] = NULL;
      if (input->type == 's' ? getdelim(&input->texts[i], &room, 0, file) < 0
                             : fread(&input->numbers[i], sizeof(float), 1, file) != 1)
        return 0;
    }
  }
  fclose(file);
  return n;
}

/* Tensors of one row, the graph, and the second output's numbers copied, of which there are at most MAX_COLUMNS. */
static size_t predict(void *session, void *memory, void *allocator, struct input *inputs, int n_inputs,
                      char **output_names, float *probability) {
  void *values[MAX_INPUTS], *outputs[2] = {0}, *shape;
  const char *input_names[MAX_INPUTS];
  float *found;
  size_t n_classes;
  for (int i = 0; i < n_inputs; i++) {
    int64_t dims[2] = {1, inputs[i].columns};
    size_t columns = inputs[i].columns;
    input_names[i] = inputs[i].name;
    if (inputs[i].type == 's') {
      CALL(CREATE_TENSOR, allocator, dims, (size_t)2, STRING, &values[i]);
      CALL(FILL_STRINGS, values[i], inputs[i].texts, columns);
    } else {
      CALL(CREATE_TENSOR_WITH_DATA, memory, inputs[i].numbers, columns * sizeof(float), dims, (size_t)2, FLOAT,
           &values[i]);
    }
  }
  CALL(RUN, session, NULL, input_names, values, (size_t)n_inputs, output_names, (size_t)2, outputs);
  CALL(TENSOR_DATA, outputs[1], &found);
  CALL(TYPE_AND_SHAPE, outputs[1], &shape);
  CALL(ELEMENT_COUNT, shape, &n_classes);
  for (size_t c = 0; c < n_classes; c++) probability[c] = found[c];
  RELEASE(RELEASE_SHAPE, shape);
  for (int i = 0; i < 2; i++) RELEASE(RELEASE_VALUE, outputs[i]);
  for (int i = 0; i < n_inputs; i++) RELEASE(RELEASE_VALUE, values[i]);
  return n_classes;
}

int main(int argc, char **argv) {
  static struct input inputs[MAX_INPUTS];
  static float probability[MAX_COLUMNS];
  void *env, *options, *session, *memory, *allocator;
  char *output_names[2];
  size_t n_classes = 0;
  void *library = argc == 5 ? dlopen(argv[1], RTLD_NOW) : NULL;
  struct base { void **(*get_api)(uint32_t); } *(*get_base)(void) = library ? dlsym(library, "OrtGetApiBase") : NULL;
  int n_inputs = get_base ? read_inputs(argv[3], inputs) : 0;
  if (!n_inputs) return fprintf(stderr, "%s cannot be read\n", get_base ? "INPUTS" : "LIBRARY"), 2;
  api = get_base()->get_api(17);
  CALL(CREATE_ENV, 3, "one_row", &env);
  CALL(CREATE_SESSION_OPTIONS, &options);
  CALL(SET_LOG_LEVEL, options, 3);
  CALL(SET_INTRA_OP_THREADS, options, 1);
  CALL(SET_INTER_OP_THREADS, options, 1);
  CALL(CREATE_SESSION, env, argv[2], options, &session);
  CALL(CREATE_CPU_MEMORY_INFO, 0, 0, &memory);
  CALL(DEFAULT_ALLOCATOR, &allocator);
  for (size_t i = 0; i < 2; i++) CALL(OUTPUT_NAME, session, i, allocator, &output_names[i]);
  for (long calls = atol(argv[4]), call = -WARM_UP; call < calls; call++) {
    if (call == 0) CALLGRIND_START_INSTRUMENTATION;
    n_classes = predict(session, memory, allocator, inputs, n_inputs, output_names, probability);
  }
  CALLGRIND_STOP_INSTRUMENTATION;
  for (size_t c = 0; c < n_classes; c++) printf("%.9g\n", probability[c]);
  return 0;
}
