package mothernet

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// Where onnxruntime's shared library is, and its start.

var opening sync.Mutex

// FindLibrary looks for onnxruntime's shared library: ORT_DYLIB_PATH, then the Python package of the active environment
// or of .venv in this folder or one above it, else the name by which the system's loader finds it.
func FindLibrary() string {
	if path := os.Getenv("ORT_DYLIB_PATH"); path != "" {
		return path
	}
	environments := []string{os.Getenv("VIRTUAL_ENV")}
	folder, _ := os.Getwd()
	for ; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		environments = append(environments, filepath.Join(folder, ".venv"))
	}
	for _, environment := range environments {
		for _, name := range []string{"libonnxruntime.so.*", "libonnxruntime.*dylib"} {
			found, _ := filepath.Glob(
				filepath.Join(environment, "lib", "python3*", "site-packages", "onnxruntime", "capi", name),
			)
			if environment != "" && len(found) > 0 {
				return found[0]
			}
		}
	}
	return "libonnxruntime.so"
}

func startRuntime(library string) error {
	opening.Lock()
	defer opening.Unlock()
	if ort.IsInitialized() {
		return nil
	}
	if _, isSet := os.LookupEnv("ORT_DISABLE_TELEMETRY"); !isSet {
		os.Setenv("ORT_DISABLE_TELEMETRY", "1") // onnxruntime reads it when it is loaded
	}
	if library == "" {
		library = FindLibrary()
	}
	ort.SetSharedLibraryPath(library)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return fmt.Errorf(
			"onnxruntime must be a shared library, 1.24 or later, however: %v. Set ORT_DYLIB_PATH to its path",
			err,
		)
	}
	return nil
}
