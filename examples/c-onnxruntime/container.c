#include "container.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char AI_ONNX[] =
    " Abs Add And ArgMax ArgMin Cast Ceil Clip Concat Constant CumSum Div Elu Equal Erf Exp Expand Flatten Floor Gather"
    " GatherElements GatherND Gelu Gemm Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu"
    " Less LessOrEqual Log LogSoftmax MatMul Max Mean Min Mod Mul Neg Not OneHot Or Pow Reciprocal ReduceMax ReduceMean"
    " ReduceMin ReduceSum Relu Reshape Round Selu Shape Sigmoid Sign Size Slice Softmax Softplus Softsign Split Sqrt"
    " Squeeze Sub Sum Tanh TopK Transpose Unsqueeze Where Xor ";
static const char AI_ONNX_ML[] = " ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder"
                                 " LinearClassifier LinearRegressor Normalizer OneHotEncoder Scaler ";
static const char *const ELEMENT_TYPES[] = {NULL,    "float32", "uint8", "int8", "uint16", "int16",  "int32",
                                            "int64", "string",  "bool",  NULL,   NULL,     "uint32", "uint64"};

/* What a field holds: int, text or the message of that name; "*" if it may come more than once, "-" and wire types if
   it is passed over, "!" and what the file must not have if it is refused. */
typedef struct {
    unsigned number;
    const char *name, *kind;
} field;

typedef struct {
    const char *name;
    field fields[24];
} layout;

static const layout LAYOUTS[] = {
    {"ModelProto",
     {{1, "ir_version", "int"},
      {2, "producer_name", "-2"},
      {3, "producer_version", "-2"},
      {4, "domain", "-2"},
      {5, "model_version", "-0"},
      {6, "doc_string", "-2"},
      {7, "graph", "GraphProto"},
      {8, "opset_import", "*OperatorSetIdProto"},
      {14, "metadata_props", "*StringStringEntryProto"},
      {20, "training_info", "!training information"},
      {25, "functions", "!model-local functions"},
      {26, "configuration", "!device configurations"}}},
    {"OperatorSetIdProto", {{1, "domain", "text"}, {2, "version", "int"}}},
    {"StringStringEntryProto", {{1, "key", "text"}, {2, "value", "text"}}},
    {"GraphProto",
     {{1, "node", "*NodeProto"},
      {2, "name", "text"},
      {5, "initializer", "*TensorProto"},
      {10, "doc_string", "-2"},
      {11, "input", "*ValueInfoProto"},
      {12, "output", "*ValueInfoProto"},
      {13, "value_info", "*ValueInfoProto"},
      {14, "quantization_annotation", "!quantization annotations"},
      {15, "sparse_initializer", "!sparse tensors"},
      {16, "metadata_props", "-2"}}},
    {"NodeProto",
     {{1, "input", "*text"},
      {2, "output", "*text"},
      {3, "name", "text"},
      {4, "op_type", "text"},
      {5, "attribute", "*AttributeProto"},
      {6, "doc_string", "-2"},
      {7, "domain", "text"},
      {8, "overload", "text"},
      {9, "metadata_props", "-2"},
      {10, "device_configurations", "!device configurations"}}},
    {"AttributeProto",
     {{1, "name", "text"},
      {2, "f", "-5"},
      {3, "i", "int"},
      {4, "s", "text"},
      {5, "t", "TensorProto"},
      {6, "g", "!subgraphs"},
      {7, "floats", "-25"},
      {8, "ints", "-02"},
      {9, "strings", "*text"},
      {10, "tensors", "!lists of tensors"},
      {11, "graphs", "!subgraphs"},
      {13, "doc_string", "-2"},
      {14, "tp", "!types as attributes"},
      {15, "type_protos", "!types as attributes"},
      {20, "type", "int"},
      {21, "ref_attr_name", "!references to attributes of a function"},
      {22, "sparse_tensor", "!sparse tensors"},
      {23, "sparse_tensors", "!sparse tensors"}}},
    {"TensorProto",
     {{1, "dims", "-02"},
      {2, "data_type", "int"},
      {3, "segment", "!tensors in segments"},
      {4, "float_data", "-25"},
      {5, "int32_data", "-02"},
      {6, "string_data", "*text"},
      {7, "int64_data", "-02"},
      {8, "name", "text"},
      {9, "raw_data", "-2"},
      {10, "double_data", "!float64 tensors"},
      {11, "uint64_data", "-02"},
      {12, "doc_string", "-2"},
      {13, "external_data", "!external data"},
      {14, "data_location", "int"},
      {16, "metadata_props", "-2"}}},
    {"ValueInfoProto",
     {{1, "name", "text"}, {2, "type", "TypeProto"}, {3, "doc_string", "-2"}, {4, "metadata_props", "-2"}}},
    {"TypeProto",
     {{1, "tensor_type", "Tensor"},
      {4, "sequence_type", "!values that are no tensors"},
      {5, "map_type", "!values that are no tensors"},
      {6, "denotation", "-2"},
      {7, "opaque_type", "!values that are no tensors"},
      {8, "sparse_tensor_type", "!values that are no tensors"},
      {9, "optional_type", "!values that are no tensors"}}},
    {"Tensor", {{1, "elem_type", "int"}, {2, "shape", "TensorShapeProto"}}},
    {"TensorShapeProto", {{1, "dim", "*Dimension"}}},
    {"Dimension", {{1, "dim_value", "int"}, {2, "dim_param", "text"}, {3, "denotation", "-2"}}},
};

/* What was found in a message, in order. */
typedef struct found {
    const char *name;
    uint64_t number;
    mn_text text;
    struct found *message, *next;
} found;

/* Seven bits a byte, the lowest first, at most 64 bits. */
static int take_number(mn_text bytes, size_t *at, uint64_t *number)
{
    *number = 0;
    for (int shift = 0; shift < 70 && *at < bytes.n; shift += 7) {
        unsigned char byte = (unsigned char)bytes.at[(*at)++];
        if (shift == 63 && byte > 1) return 0;
        *number |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return 1;
    }
    return 0;
}

/* Number, wire type, and value or content of the next field; 0 if there is none that ends within the message. */
static int take_field(mn_text bytes, size_t *at, uint64_t *number, int *wire_type, uint64_t *value, mn_text *content)
{
    uint64_t key, size = 0;
    if (!take_number(bytes, at, &key)) return 0;
    *number = key >> 3;
    *wire_type = (int)(key & 7);
    *value = 0;
    if (*wire_type == 1 || *wire_type == 5) size = *wire_type == 1 ? 8 : 4;
    else if (*wire_type == 0 ? !take_number(bytes, at, value) : *wire_type != 2 || !take_number(bytes, at, &size))
        return 0;
    if (size > bytes.n - *at) return 0;
    *content = mn_slice(bytes, *at, *at + (size_t)size);
    *at += (size_t)size;
    return 1;
}

/* Messages nest as deep as the layouts say and no deeper: none holds one of its own kind. */
static int parse(const char *message, mn_text bytes, mn_memory *memory, found **first, mothernet_error *error)
{
    const layout *known = LAYOUTS;
    found **last = first, *other;
    size_t at = 0;
    *first = NULL;
    while (strcmp(known->name, message) != 0) known++;
    while (at < bytes.n) {
        const field *f = known->fields;
        const char *kind;
        uint64_t number, value;
        mn_text content;
        int wire_type, repeats;
        if (!take_field(bytes, &at, &number, &wire_type, &value, &content))
            return mn_fail(error, "cut off or damaged: %s", message);
        while (f->name && f->number != number) f++;
        if (!f->name)
            return mn_fail(error, "%s must have no other fields than those of ONNX, however: field %llu", message,
                           (unsigned long long)number);
        kind = f->kind;
        if (kind[0] == '!')
            return mn_fail(error, "the model must have no %s, however: %s has %s", kind + 1, message, f->name);
        repeats = kind[0] == '*';
        if (repeats) kind++;
        if (kind[0] == '-' ? !strchr(kind, '0' + wire_type) : wire_type != (strcmp(kind, "int") == 0 ? 0 : 2))
            return mn_fail(error, "%s.%s must be as ONNX writes it, however: wire type %d", message, f->name,
                           wire_type);
        if (kind[0] == '-') continue;
        for (other = repeats ? NULL : *first; other; other = other->next)
            if (other->name == f->name) return mn_fail(error, "%s.%s must come once, however: twice", message, f->name);
        *last = mn_take(memory, 1, sizeof **last);
        **last = (found){f->name, value, content, NULL, NULL};
        if (strcmp(kind, "text") == 0) {
            if (!mn_is_utf8(content))
                return mn_fail(error, "texts in the model must be UTF-8, however: %s.%s is not", message, f->name);
        } else if (strcmp(kind, "int") != 0 && !parse(kind, content, memory, &(*last)->message, error)) {
            return 0;
        }
        last = &(*last)->next;
    }
    return 1;
}

/* The next of that name, from `from` on; NULL if there is none. */
static const found *find(const found *from, const char *name)
{
    while (from && strcmp(from->name, name) != 0) from = from->next;
    return from;
}

static uint64_t number_of(const found *message, const char *name)
{
    const found *f = find(message, name);
    return f ? f->number : 0;
}

static mn_text text_of(const found *message, const char *name)
{
    const found *f = find(message, name);
    return f ? f->text : (mn_text){"", 0};
}

static const found *message_of(const found *message, const char *name)
{
    const found *f = find(message, name);
    return f ? f->message : NULL;
}

static mn_text domain_of(const found *message)
{
    mn_text domain = text_of(message, "domain");
    return domain.n ? domain : mn_string("ai.onnx");
}

/* Which operator sets are imported. */
static int check_imports(const found *model, int imported[2], mothernet_error *error)
{
    for (const found *f = find(model, "opset_import"); f; f = find(f->next, "opset_import")) {
        mn_text domain = domain_of(f->message);
        uint64_t version = number_of(f->message, "version");
        int is_ml = mn_is(domain, "ai.onnx.ml");
        if (!is_ml && !mn_is(domain, "ai.onnx"))
            return mn_fail(error, "operators must be of ai.onnx or ai.onnx.ml, however: %s", mn_shown(domain));
        if (imported[is_ml] || version < (is_ml ? 2 : 13) || version > (is_ml ? 5 : 28))
            return mn_fail(error,
                           "operator sets must have a version that FORMAT.md lists, once, however: %s version %llu",
                           mn_shown(domain), (unsigned long long)version);
        imported[is_ml] = 1;
    }
    return 1;
}

static int check_type(uint64_t number, mothernet_error *error)
{
    if (number < sizeof ELEMENT_TYPES / sizeof *ELEMENT_TYPES && ELEMENT_TYPES[number]) return 1;
    return mn_fail(error, "tensors must hold float32, integers, booleans or strings, however: type %llu of ONNX",
                   (unsigned long long)number);
}

static int check_tensor(const found *tensor, mothernet_error *error)
{
    if (!check_type(number_of(tensor, "data_type"), error)) return 0;
    return !number_of(tensor, "data_location") ||
           mn_fail(error, "the model must have no external data, however: it has");
}

static int is_listed(const char *list, mn_text operator)
{
    char word[32] = " ";
    if (operator.n == 0 || operator.n > 28 || memchr(operator.at, ' ', operator.n)) return 0;
    memcpy(word + 1, operator.at, operator.n);
    word[1 + operator.n] = ' ';
    return strstr(list, word) != NULL;
}

static int check_node(const found *node, const int imported[2], mothernet_error *error)
{
    mn_text domain = domain_of(node), operator = text_of(node, "op_type");
    int is_ml = mn_is(domain, "ai.onnx.ml"), is_known = is_ml || mn_is(domain, "ai.onnx");
    if (!is_known || !imported[is_ml] || text_of(node, "overload").n ||
        !is_listed(is_ml ? AI_ONNX_ML : AI_ONNX, operator))
        return mn_fail(error, "operators must be those that FORMAT.md lists, however: %s of %s", mn_shown(operator),
                       mn_shown(domain));
    for (const found *f = find(node, "attribute"); f; f = find(f->next, "attribute")) {
        const found *attribute = f->message, *tensor = find(attribute, "t");
        uint64_t type = number_of(attribute, "type");
        if (type < 1 || type > 8 || type == 5)
            return mn_fail(error, "attributes must be numbers, strings or tensors, however: type %llu of ONNX",
                           (unsigned long long)type);
        if (tensor && !check_tensor(tensor->message, error)) return 0;
        if (mn_is(operator, "Cast") && mn_is(text_of(attribute, "name"), "to") &&
            !check_type(number_of(attribute, "i"), error))
            return 0;
    }
    return 1;
}

/* Inputs or outputs as text: name, element type and dimensions. */
static int describe(const found *graph, const char *which, mn_memory *memory, mn_text *text, mothernet_error *error)
{
    size_t n = 0, size = 64;
    char *at;
    for (const found *f = find(graph, which); f; f = find(f->next, which)) size += 128; /* longer ones are cut */
    *text = (mn_text){at = mn_take(memory, size, 1), 0};
    for (const found *f = find(graph, which); f; f = find(f->next, which)) {
        const found *tensor = message_of(message_of(f->message, "type"), "tensor_type");
        const found *dimension = find(message_of(tensor, "shape"), "dim");
        mn_text name = text_of(f->message, "name");
        char shape[64] = "";
        if (!check_type(number_of(tensor, "elem_type"), error)) return 0;
        for (; dimension; dimension = find(dimension->next, "dim")) {
            const found *size_of = dimension->message;
            size_t k = strlen(shape);
            const char *before = k ? ", " : "";
            if (!size_of || size_of->next) snprintf(shape + k, sizeof shape - k, "%s?", before);
            else if (strcmp(size_of->name, "dim_value") == 0)
                snprintf(shape + k, sizeof shape - k, "%s%llu", before, (unsigned long long)size_of->number);
            else
                snprintf(shape + k, sizeof shape - k, "%s%.*s", before,
                         size_of->text.n < 32 ? (int)size_of->text.n : 32, size_of->text.at);
            if (strlen(shape) + 1 == sizeof shape) break;
        }
        snprintf(at + n, size - n, "%s%.*s (%s [%s])", n ? ", " : "", (int)(name.n < 40 ? name.n : 40), name.at,
                 ELEMENT_TYPES[number_of(tensor, "elem_type")], shape);
        n = strlen(at);
    }
    text->n = n;
    return 1;
}

static int compare_entries(const void *a, const void *b)
{
    return mn_compare(&((const mn_entry *)a)->key, &((const mn_entry *)b)->key);
}

int mn_find_metadata(const mn_container *container, const char *key, mn_text *value)
{
    mn_entry wanted = {mn_string(key), {NULL, 0}};
    const mn_entry *entry = container->n_metadata ? bsearch(&wanted, container->metadata, container->n_metadata,
                                                            sizeof wanted, compare_entries)
                                                  : NULL;
    if (entry) *value = entry->value;
    return entry != NULL;
}

int mn_read_metadata(mn_text bytes, mn_memory *memory, mn_container *container, mothernet_error *error)
{
    size_t at = 0, n = 0, size = 0;
    int n_graphs = 0, wire_type;
    uint64_t number, value;
    mn_text content;
    found *entry;
    memset(container, 0, sizeof *container);
    while (at < bytes.n) {
        if (!take_field(bytes, &at, &number, &wire_type, &value, &content))
            return bytes.at[0] == 8 ? mn_fail(error, "cut off or damaged (%zu bytes)", bytes.n)
                                    : mn_fail(error, "not an ONNX file");
        if (wire_type != 2) continue;
        if (number == 7) {
            mn_sha256(content, container->graph_hash);
            n_graphs++;
        } else if (number == 14) {
            if (!parse("StringStringEntryProto", content, memory, &entry, error)) return 0;
            if (n == size) {
                mn_entry *larger = mn_take(memory, size = 2 * size + 8, sizeof *larger);
                if (n) memcpy(larger, container->metadata, n * sizeof *larger);
                container->metadata = larger;
            }
            container->metadata[n++] = (mn_entry){text_of(entry, "key"), text_of(entry, "value")};
        }
    }
    if (n_graphs != 1) return mn_fail(error, "not an ONNX file, or one that is cut off: it must have one graph");
    container->n_metadata = n;
    if (n) qsort(container->metadata, n, sizeof *container->metadata, compare_entries);
    for (size_t i = 1; i < n; i++)
        if (mn_equals(container->metadata[i - 1].key, container->metadata[i].key))
            return mn_fail(error, "keys of the metadata must be unique, however: %s comes twice",
                           mn_shown(container->metadata[i].key));
    return 1;
}

int mn_check_container(mn_text bytes, mn_memory *memory, mn_container *container, mothernet_error *error)
{
    found *model;
    const found *graph, *f;
    int imported[2] = {0, 0};
    uint64_t ir_version;
    mn_text values;
    if (!parse("ModelProto", bytes, memory, &model, error)) return 0;
    ir_version = number_of(model, "ir_version");
    if (ir_version < 7 || ir_version > 14)
        return mn_fail(error, "the IR version must be 7 to 14, however: %llu", (unsigned long long)ir_version);
    graph = message_of(model, "graph");
    if (!check_imports(model, imported, error)) return 0;
    for (f = find(graph, "node"); f; f = find(f->next, "node"))
        if (!check_node(f->message, imported, error)) return 0;
    for (f = find(graph, "initializer"); f; f = find(f->next, "initializer"))
        if (!check_tensor(f->message, error)) return 0;
    return describe(graph, "value_info", memory, &values, error) &&
           describe(graph, "input", memory, &container->inputs, error) &&
           describe(graph, "output", memory, &container->outputs, error);
}
