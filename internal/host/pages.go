package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"mallbots/internal/api"
	"mallbots/internal/console"
	"mallbots/internal/fault"
	"mallbots/internal/identity"
	"mallbots/internal/openapi"
	"mallbots/internal/shop"
	"mallbots/internal/web"
)

// errNoCustomer is what somebody is told who signs in as no customer.
var errNoCustomer = fault.New(fault.Forbidden, "ROLE_MISSING", "the storefront is for customers; use the key of one")

// visitors is how a browser says which customer it is for.
func (p *process) visitors() web.SignIn {
	return web.SignIn{
		Site: "shop", Path: "/shop/signin", Home: "/", Cookie: "mall_key", Whose: "of a customer",
		Check: func(r *http.Request) error {
			if _, err := p.customer(r); err != nil {
				return err
			}
			return nil
		},
	}
}

// customer is the customer that a request is of, by a key or a token.
func (p *process) customer(r *http.Request) (string, error) {
	who, err := p.guard.Authenticate(r.Context(), r.Header.Values("Authorization"))
	if err != nil {
		return "", err
	}
	if !who.Has(identity.Customer) || who.Customer == "" {
		return "", errNoCustomer
	}
	return who.Customer, nil
}

// mountShop puts the storefront beside the API, which is all that it uses.
func (p *process) mountShop(r chi.Router) {
	web.MountFiles(r)
	mall := web.NewMall(web.Here(r, p.modules...))
	if p.guard == nil {
		shop.Mount(r, mall, shop.Options{})
		return
	}
	door := p.visitors()
	door.Mount(r)
	r.Group(func(r chi.Router) {
		r.Use(door.Carry)
		shop.Mount(r, mall, shop.Options{SignIn: door.Path, Customer: func(r *http.Request) string {
			customer, _ := p.customer(r) // who is none is nobody
			return customer
		}})
	})
}

// operators is how a browser says which operator it is for.
func (p *process) operators() web.SignIn {
	return web.SignIn{
		Site: "console", Path: "/console/signin", Home: "/console", Cookie: "mallbots_operator_key", Whose: "of a mall_admin",
		Check: func(r *http.Request) error {
			who, err := p.caller(r)
			if err == nil && !who.Has(identity.MallAdmin) {
				err = errNoOperator
			}
			return err
		},
	}
}

// mountConsole puts the console on the operations listener. It uses the verbs of
// that listener and the API, as it would those of another process.
func (p *process) mountConsole(r chi.Router) {
	r.Get("/process", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"modules": p.modules})
	})
	r.Handle("/api/*", asAdmin(http.HandlerFunc(p.api)))
	r.Get("/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/console", http.StatusSeeOther) })
	web.MountFiles(r)
	if !p.opsOpen() {
		p.operators().Mount(r)
	}
	console.Mount(r, web.NewMall(web.Here(r, p.modules...)), console.Options{Stopping: p.stopping, Who: whoAsks})
}

// whoAsks is the name of whoever was made sure of, none where nobody was asked.
func whoAsks(r *http.Request) string {
	who, _ := identity.From(r.Context())
	return who.Subject
}

// asAdmin lets whoever may use the operations listener use the API: as who they
// are, or, where nobody is asked, for anybody. They could as well make a key.
func asAdmin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := identity.Principal{Subject: "operator", Roles: []identity.Role{identity.MallAdmin, identity.Service}}
		if sure, ok := identity.From(r.Context()); ok {
			who = sure
		}
		next.ServeHTTP(w, r.WithContext(identity.With(r.Context(), who)))
	})
}

// api answers as the API's listener does.
func (p *process) api(w http.ResponseWriter, r *http.Request) { (*p.handler.Load()).ServeHTTP(w, r) }

// ServePages serves the console and the storefront of a mall of several
// processes, to this machine alone, until ctx ends. Ready is called with the URL.
func ServePages(ctx context.Context, address string, mall *web.Mall, log *slog.Logger, ready func(url string)) error {
	if !loopback(address) {
		return fmt.Errorf("--listen=%s can be reached by others, and the console acts with your rights; serve it on 127.0.0.1", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for the console: %w; choose another address with --listen", err)
	}
	stopping := make(chan struct{})
	r := chi.NewRouter()
	web.MountFiles(r)
	openapi.Mount(r)
	console.Mount(r, mall, console.Options{Stopping: stopping})
	shop.Mount(r, mall, shop.Options{})
	server := api.NewHTTPServer(Security{}.door(address, true, r))
	server.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	ready("http://" + listener.Addr().String())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	close(stopping)
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(patience); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}
