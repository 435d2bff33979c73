package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/go-chi/chi/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"mallbots/internal/fault"
	"mallbots/internal/rest"
)

// ErrModuleAbsent is the answer for a module that runs elsewhere.
var ErrModuleAbsent = fault.New(fault.NotFound, "MODULE_NOT_RUNNING", "this process does not run the module that answers this")

// mountAbsent answers for the services that are linked into the binary but
// whose modules don't run here. A binary that does not even know a service has
// nothing to say of it.
func mountAbsent(r chi.Router, running []string, options []connecthttp.Option) {
	writer := connecthttp.NewErrorWriter(options...)
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			module := ModuleOf("/" + string(service.FullName()))
			if module == "" || slices.Contains(running, module) {
				continue
			}
			refusal := ErrModuleAbsent.With("%s", sentence(module, running))
			handler := absent(writer, refusal)
			r.Handle("/"+string(service.FullName())+"/*", handler)
			for j := range service.Methods().Len() {
				for _, route := range rest.Routes(service.Methods().Get(j)) {
					r.Handle(route.Path, handler)
				}
			}
		}
		return true
	})
}

// sentence says which modules run and which doesn't.
func sentence(module string, running []string) string {
	if len(running) == 0 {
		return fmt.Sprintf("it runs no modules, and not %s", module)
	}
	return fmt.Sprintf("it runs %s, and not %s", strings.Join(running, ", "), module)
}

// newRefuse returns what refuses requests of modules for a while.
func newRefuse(options []connecthttp.Option) Refuse {
	writer := connecthttp.NewErrorWriter(options...)
	return func(w http.ResponseWriter, r *http.Request, f *fault.Error) {
		if strings.HasPrefix(r.URL.Path, "/mallbots.") && writer.IsSupported(r) {
			_ = writer.Write(w, r, ToWire(f)) // the caller may have gone
			return
		}
		rest.WriteError(w, f)
	}
}

// absent answers each caller in the protocol that it speaks.
func absent(writer *connecthttp.ErrorWriter, refusal *fault.Error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/mallbots.") && writer.IsSupported(r) {
			wire := withInfo(connect.NewError(connect.CodeUnimplemented, refusal.Message), refusal)
			_ = writer.Write(w, r, wire) // the caller may have gone
			return
		}
		rest.WriteError(w, refusal)
	})
}
