// Package web is what the storefront and the console share: the look, the way to
// ask the mall, and the protection of forms.
//
// A page is a Go template that is filled with what the mall's HTTP interfaces
// answer, so that it needs neither a module's code nor its database, and is the
// same for a mall of one process and of several. Every page works without
// JavaScript; htmx makes some of them live. Nothing is fetched from elsewhere,
// and the browser is told to fetch nothing from elsewhere.
package web

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"mallbots/internal/third_party/htmx"
)

//go:embed templates
var layout embed.FS

//go:embed static/style.css
var style []byte

//go:embed static/icon.svg
var icon []byte

// Site renders the pages of one set of templates within the common frame.
type Site struct {
	name  string
	links []Link
	pages map[string]*template.Template
}

// Link is an entry of the navigation.
type Link struct {
	Name, Path string
	Badge      string // a word beside it, such as how many there are
	Current    bool
}

// Page is what to show.
type Page struct {
	Status int    // 0 is 200
	Name   string // of the template
	Title  string
	Data   any
	Badges map[string]string // by the path of the link
}

// NewSite parses the templates of a site, one page per file: each defines
// "main", and whatever is sent alone. It panics when one does not parse: that is
// a mistake in the build.
func NewSite(name string, templates fs.FS, links ...Link) *Site {
	s := &Site{name: name, links: links, pages: map[string]*template.Template{}}
	files, err := fs.Glob(templates, "templates/*.html")
	if err != nil || len(files) == 0 {
		panic(fmt.Sprintf("web: the templates of %s: %v, %v", name, files, err))
	}
	for _, file := range files {
		page := template.Must(template.New("").Funcs(functions).ParseFS(layout, "templates/*.html"))
		s.pages[strings.TrimSuffix(path.Base(file), ".html")] = template.Must(page.ParseFS(templates, file))
	}
	return s
}

// frame is what the templates of the frame see.
type frame struct {
	Site  string
	Title string
	Links []Link
	Data  any
}

// Show answers with a page.
func (s *Site) Show(w http.ResponseWriter, r *http.Request, p Page) {
	f := frame{Site: s.name, Title: p.Title, Data: p.Data}
	current := -1
	for i, link := range s.links {
		link.Badge = p.Badges[link.Path]
		f.Links = append(f.Links, link)
		within := r.URL.Path == link.Path || strings.HasPrefix(r.URL.Path, strings.TrimRight(link.Path, "/")+"/")
		if within && (current < 0 || len(link.Path) > len(s.links[current].Path)) {
			current = i
		}
	}
	if current >= 0 {
		f.Links[current].Current = true
	}
	var text bytes.Buffer
	if err := s.page(p.Name).ExecuteTemplate(&text, "frame", f); err != nil {
		http.Error(w, "the page cannot be shown: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(text.Len()))
	w.WriteHeader(cmp.Or(p.Status, http.StatusOK))
	_, _ = w.Write(text.Bytes()) // the visitor left
}

// Part renders one of a page's templates alone.
func (s *Site) Part(page, part string, data any) (string, error) {
	var text bytes.Buffer
	err := s.page(page).ExecuteTemplate(&text, part, data)
	return text.String(), err
}

// ShowPart answers with one of a page's templates alone, as htmx wants it.
func (s *Site) ShowPart(w http.ResponseWriter, page, part string, data any) {
	text, err := s.Part(page, part, data)
	if err != nil {
		http.Error(w, "the part cannot be shown: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(text)) // the visitor left
}

func (s *Site) page(name string) *template.Template {
	page, ok := s.pages[name]
	if !ok {
		panic(fmt.Sprintf("web: %s has no page %q", s.name, name))
	}
	return page
}

// MountFiles serves the files that all pages use.
func MountFiles(r chi.Router) {
	for name, file := range map[string]struct {
		kind string
		data []byte
	}{
		"style.css": {"text/css; charset=utf-8", style},
		"icon.svg":  {"image/svg+xml", icon},
		"htmx.js":   {"text/javascript; charset=utf-8", htmx.Script},
		"events.js": {"text/javascript; charset=utf-8", htmx.Events},
	} {
		r.Get("/static/"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", file.kind)
			w.Header().Set("Cache-Control", "max-age=300") // a later build may have others
			w.Header().Set("X-Content-Type-Options", "nosniff")
			_, _ = w.Write(file.data) // the visitor left
		})
	}
}
