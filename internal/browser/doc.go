// Package browser has no code, only tests: the storefront and the console in a
// real Chromium, driven by chromedp against a whole mall. Where no Chromium is
// installed they say NOT RUN, and fail when CI is set.
//
// UPDATE_SCREENSHOTS=1 go test ./internal/browser -run Screenshots writes the
// pictures in docs/pictures.
package browser
