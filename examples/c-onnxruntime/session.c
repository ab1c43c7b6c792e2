#include "session.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <onnxruntime_c_api.h>

enum { API_VERSION = 17 };

struct mothernet_runtime {
    void *library;
    const OrtApi *api;
    OrtEnv *environment;
    OrtMemoryInfo *memory_info;
};

struct mn_session {
    const mothernet_runtime *runtime;
    OrtSession *session;
};

/* Whether a call of onnxruntime succeeded; its message otherwise. */
static int is_fine(const OrtApi *api, OrtStatus *status, const char *what, mothernet_error *error)
{
    if (!status) return 1;
    mn_fail(error, "onnxruntime cannot %s: %.700s", what, api->GetErrorMessage(status));
    api->ReleaseStatus(status);
    return 0;
}

mothernet_runtime *mothernet_open_runtime(const char *library, mothernet_error *error)
{
    mothernet_runtime *runtime = calloc(1, sizeof *runtime);
    const OrtApiBase *(*base)(void) = NULL;
    const OrtApi *api = NULL;
    void *symbol;
    setenv("ORT_DISABLE_TELEMETRY", "1", 0); /* read when the library is loaded */
    if (runtime) runtime->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!runtime || !runtime->library) {
        mn_fail(error, "the library must be onnxruntime 1.17 or later, however: %.800s", dlerror());
        mothernet_close_runtime(runtime);
        return NULL;
    }
    symbol = dlsym(runtime->library, "OrtGetApiBase");
    memcpy(&base, &symbol, sizeof base);
    if (base) runtime->api = api = base()->GetApi(API_VERSION);
    if (!api) {
        mn_fail(error, "the library must be onnxruntime 1.17 or later, however: %.800s is not", library);
    } else if (is_fine(api, api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "mothernet", &runtime->environment), "start",
                       error) &&
               is_fine(api, api->DisableTelemetryEvents(runtime->environment), "stop telemetry", error) &&
               is_fine(api, api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &runtime->memory_info),
                       "start", error)) {
        return runtime;
    }
    mothernet_close_runtime(runtime);
    return NULL;
}

void mothernet_close_runtime(mothernet_runtime *runtime)
{
    if (!runtime) return;
    if (runtime->memory_info) runtime->api->ReleaseMemoryInfo(runtime->memory_info);
    if (runtime->environment) runtime->api->ReleaseEnv(runtime->environment);
    free(runtime); /* the library stays: it has threads and destructors of its own */
}

/* What was checked is opened as such, on one thread, which suits small calls. */
mn_session *mn_open_session(const mothernet_runtime *runtime, mn_text bytes, mothernet_error *error)
{
    static const char what[] = "open the model";
    const OrtApi *api = runtime->api;
    OrtSessionOptions *options = NULL;
    mn_session *opened = calloc(1, sizeof *opened);
    int is_open =
        opened && is_fine(api, api->CreateSessionOptions(&options), what, error) &&
        is_fine(api, api->SetIntraOpNumThreads(options, 1), what, error) &&
        is_fine(api, api->SetSessionLogSeverityLevel(options, ORT_LOGGING_LEVEL_FATAL), what, error) &&
        is_fine(api, api->AddSessionConfigEntry(options, "session.load_model_format", "ONNX"), what, error) &&
        is_fine(api, api->CreateSessionFromArray(runtime->environment, bytes.at, bytes.n, options, &opened->session),
                what, error);
    if (options) api->ReleaseSessionOptions(options);
    if (opened) opened->runtime = runtime;
    if (is_open) return opened;
    mn_close_session(opened);
    return NULL;
}

void mn_close_session(mn_session *session)
{
    if (session && session->session) session->runtime->api->ReleaseSession(session->session);
    free(session);
}

static int check_output(const OrtApi *api, const OrtValue *value, ONNXTensorElementDataType wanted, size_t n,
                        mothernet_error *error)
{
    OrtTensorTypeAndShapeInfo *info = NULL;
    ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    size_t count = 0;
    int is_right = is_fine(api, api->GetTensorTypeAndShape(value, &info), "read answers", error) &&
                   is_fine(api, api->GetTensorElementType(info, &type), "read answers", error) &&
                   is_fine(api, api->GetTensorShapeElementCount(info, &count), "read answers", error);
    if (info) api->ReleaseTensorTypeAndShapeInfo(info);
    if (!is_right || (type == wanted && count == n)) return is_right;
    return mn_fail(error, "the model must give %zu values in an output, however: %zu, or of another type", n, count);
}

/* The numbers of the classes that the output `label` names. */
static int read_labels(const OrtApi *api, const mn_model_file *file, const OrtValue *value, size_t n_rows,
                       size_t *classes, mn_memory *memory, mothernet_error *error)
{
    int is_integer = file->classes[0].type == MOTHERNET_INTEGER_LABEL;
    int64_t *numbers = NULL;
    size_t length = 0, i, k;
    size_t *starts = mn_take(memory, n_rows + 1, sizeof *starts);
    char *texts = "";
    if (!check_output(api, value,
                      is_integer ? ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 : ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, n_rows,
                      error))
        return 0;
    if (is_integer) {
        if (!is_fine(api, api->GetTensorMutableData((OrtValue *)value, (void **)&numbers), "read labels", error))
            return 0;
    } else {
        if (!is_fine(api, api->GetStringTensorDataLength(value, &length), "read labels", error)) return 0;
        texts = mn_take(memory, length, 1);
        if (!is_fine(api, api->GetStringTensorContent(value, texts, length, starts, n_rows), "read labels", error))
            return 0;
        starts[n_rows] = length;
    }
    for (i = 0; i < n_rows; i++) {
        for (k = 0; k < file->n_classes; k++)
            if (is_integer ? numbers[i] == file->classes[k].integer
                           : mn_is((mn_text){texts + starts[i], starts[i + 1] - starts[i]}, file->classes[k].text))
                break;
        if (k == file->n_classes) return mn_fail(error, "labels must be classes of the model, however: one is not");
        classes[i] = k;
    }
    return 1;
}

int mn_run(const mn_session *session, const mn_model_file *file, size_t n_rows, float *numeric,
           const char *const *categorical, size_t *classes, float *probabilities, mn_memory *memory,
           mothernet_error *error)
{
    static const char *const outputs[] = {"label", "probabilities"};
    static const char what[] = "run the model";
    const OrtApi *api = session->runtime->api;
    const OrtMemoryInfo *info = session->runtime->memory_info;
    const char *names[2];
    OrtValue *inputs[2] = {NULL, NULL}, *answers[2] = {NULL, NULL};
    OrtAllocator *allocator = NULL;
    float *found = NULL;
    size_t n = 0, count = n_rows * file->n_numeric, n_answers = n_rows * file->n_classes;
    int is_right = is_fine(api, api->GetAllocatorWithDefaultOptions(&allocator), what, error);
    if (is_right && file->n_numeric) {
        int64_t shape[2] = {(int64_t)n_rows, (int64_t)file->n_numeric};
        names[n] = "numeric";
        is_right = is_fine(api,
                           api->CreateTensorWithDataAsOrtValue(info, numeric, count * sizeof *numeric, shape, 2,
                                                               ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &inputs[n++]),
                           what, error);
    }
    if (is_right && file->n_categorical) {
        int64_t shape[2] = {(int64_t)n_rows, (int64_t)file->n_categorical};
        names[n] = "categorical";
        is_right =
            is_fine(api,
                    api->CreateTensorAsOrtValue(allocator, shape, 2, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, &inputs[n]),
                    what, error) &&
            is_fine(api, api->FillStringTensor(inputs[n], categorical, n_rows * file->n_categorical), what, error);
        n++;
    }
    is_right =
        is_right &&
        is_fine(api, api->Run(session->session, NULL, names, (const OrtValue *const *)inputs, n, outputs, 2, answers),
                what, error) &&
        read_labels(api, file, answers[0], n_rows, classes, memory, error) &&
        check_output(api, answers[1], ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, n_answers, error) &&
        is_fine(api, api->GetTensorMutableData(answers[1], (void **)&found), what, error);
    if (is_right) memcpy(probabilities, found, n_answers * sizeof *found);
    for (int i = 0; i < 2; i++) {
        if (inputs[i]) api->ReleaseValue(inputs[i]);
        if (answers[i]) api->ReleaseValue(answers[i]);
    }
    return is_right;
}
