package rest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"connectrpc.com/connect/v2"
	"github.com/go-chi/chi/v5"

	"mallbots/internal/rest"
	"mallbots/proto/mallbots/stores/v1/storesv1connect"
)

// The routes are the google.api.http annotations in stores/v1/api.proto:
//
//	rpc GetStore(GetStoreRequest) returns (GetStoreResponse) {
//	  option (google.api.http) = {get: "/api/stores/{id}"};
//	}
func ExampleMount() {
	rpc := connect.NewServer()
	storesv1connect.RegisterStoresServiceHandler(rpc, &stores{})

	r := chi.NewRouter()
	rest.Mount(r, rpc)

	for _, request := range []string{
		"GET /api/stores/0192d4e0-7c1f-7a51-8f3a-2f6d1c9b4e10",
		"DELETE /api/stores/0192d4e0-7c1f-7a51-8f3a-2f6d1c9b4e10",
		"GET /api/stores?sort=name",
	} {
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 {"store":{"id":"0192d4e0-7c1f-7a51-8f3a-2f6d1c9b4e10","name":"Teas & <Coffees>","location":"","participating":false}}
	// 405 {"type":"urn:mallbots:problem:METHOD_NOT_ALLOWED","title":"Method Not Allowed","status":405,"detail":"this path knows other methods only; see the header Allow: DELETE /api/stores/0192d4e0-7c1f-7a51-8f3a-2f6d1c9b4e10","code":"METHOD_NOT_ALLOWED","violations":[]}
	// 400 {"type":"urn:mallbots:problem:PARAMETER_UNKNOWN","title":"Bad Request","status":400,"detail":"there is no such query parameter: \"sort\"","code":"PARAMETER_UNKNOWN","violations":[{"field":"sort","description":"there is no such query parameter"}]}
}
