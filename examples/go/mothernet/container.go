package mothernet

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// The ONNX container, checked before onnxruntime sees it: sections 1 and 8 of FORMAT.md.
//
// An .onnx file is a protobuf message: a list of numbered fields, some of which hold messages again. Those numbers
// cannot change without breaking every ONNX reader, so the few lines at the end of this file need no protobuf library.
// Metadata is read here too, and not by onnxruntime: a file that is refused never gets there.

var operators = set(strings.Fields(`
	Abs Add And ArgMax ArgMin Cast Ceil Clip Concat Constant CumSum Div Elu Equal Erf Exp Expand Flatten Floor Gather
	GatherElements GatherND Gelu Gemm Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less
	LessOrEqual Log LogSoftmax MatMul Max Mean Min Mod Mul Neg Not OneHot Or Pow Reciprocal ReduceMax ReduceMean
	ReduceMin ReduceSum Relu Reshape Round Selu Shape Sigmoid Sign Size Slice Softmax Softplus Softsign Split Sqrt
	Squeeze Sub Sum Tanh TopK Transpose Unsqueeze Where Xor
	ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder LinearClassifier LinearRegressor Normalizer
	OneHotEncoder Scaler`)...)

const noONNX = "the file must be an ONNX file, however: it is none, or cut off"

var domains = set("", "ai.onnx", "ai.onnx.ml")

// readContainer gives the metadata of a file's bytes, after it has checked the rest of the file.
func readContainer(data []byte) map[string]string {
	metadata := map[string]string{}
	for _, entry := range messages(data, 14) {
		key, content := text(one(entry, 1)), text(one(entry, 2))
		_, isThere := metadata[key]
		check(!isThere, "keys of the metadata must be unique, however: %s comes twice", quoted(key))
		metadata[key] = content
	}
	format, isThere := metadata["mothernet.format"]
	check(isThere, "the file must be an ONNX file of MotherNet, however: its metadata has no mothernet.format")
	check(format == "2", "the format must be 2, the only one known here, however: %s", quoted(format))
	form, isThere := metadata["mothernet.form"]
	check(!isThere || form == "full", "the form must be full, however: %s. Export the file without --form", quoted(form))
	for _, key := range []string{"schema", "schema_hash", "graph_hash", "versions", "self_test"} {
		_, isThere := metadata["mothernet."+key]
		check(isThere, "the metadata must have the key mothernet.%s, however: it is missing", key)
	}
	check(
		hash([]byte(metadata["mothernet.schema"])) == metadata["mothernet.schema_hash"],
		"the schema must match its hash, however: it does not",
	)
	graph := checkGraph(data)
	check(hash(graph) == metadata["mothernet.graph_hash"], "the graph must match its hash, however: it does not")
	return metadata
}

// checkGraph gives the graph. It allows no operators but those that a file may use, no functions, no subgraphs, no data in
// other files.
func checkGraph(data []byte) []byte {
	check(len(messages(data, 25)) == 0, "the model must define no function, however: it does")
	graphs := messages(data, 7)
	check(len(graphs) == 1, "the file must be an ONNX file with one graph, however: it has %d", len(graphs))
	graph := graphs[0]
	for _, set := range messages(data, 8) {
		checkDomain(one(set, 1))
	}
	tensors := messages(graph, 5)
	check(len(messages(graph, 15)) == 0, "the graph must have no sparse tensor, however: it has")
	for _, node := range messages(graph, 1) {
		checkDomain(one(node, 7))
		for _, attribute := range messages(node, 5) {
			check(
				len(messages(attribute, 6))+len(messages(attribute, 11)) == 0,
				"the graph must have no subgraph, however: it has",
			)
			tensors = append(tensors, messages(attribute, 5)...)
		}
		operator := text(one(node, 4))
		check(operators[operator], "operators must be those that FORMAT.md lists, however: %s", quoted(operator))
	}
	for _, tensor := range tensors {
		check(len(messages(tensor, 13)) == 0, "the model must have no external data, however: it has")
	}
	return graph
}

func checkDomain(domain []byte) {
	check(domains[text(domain)], "operators must be of ai.onnx or ai.onnx.ml, however: %s", quoted(text(domain)))
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func text(data []byte) string {
	check(utf8.Valid(data), "texts in the model must be UTF-8, however: one is not")
	return string(data)
}

// one is the first content of a field, nothing if it is not there.
func one(data []byte, wanted uint64) []byte {
	for _, content := range messages(data, wanted) {
		return content
	}
	return nil
}

// messages gives the contents of all fields of one number in a protobuf message; that of a bare number is empty.
func messages(data []byte, wanted uint64) [][]byte {
	var found [][]byte
	position := 0
	varint := func() uint64 {
		var number uint64
		for shift := 0; shift < 70 && position < len(data); shift += 7 {
			bits := data[position]
			position++
			number |= uint64(bits&127) << shift
			if bits < 128 {
				return number
			}
		}
		check(false, noONNX)
		return 0
	}
	for position < len(data) {
		key, size := varint(), uint64(0)
		switch key % 8 {
		case 0:
			varint()
		case 1:
			size = 8
		case 2:
			size = varint()
		case 5:
			size = 4
		default:
			check(false, noONNX)
		}
		check(size <= uint64(len(data)-position), noONNX)
		if key/8 == wanted {
			found = append(found, data[position:position+int(size)])
		}
		position += int(size)
	}
	return found
}
