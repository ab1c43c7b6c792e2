module mothernet.example/go

go 1.19

require (
	github.com/yalue/onnxruntime_go v1.27.0
	golang.org/x/text v0.21.0
)
