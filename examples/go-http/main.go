// Command go-http answers on $PORT with what its router gives.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"
)

func main() {
	r := chi.NewRouter()
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "Hello from Go")
	})
	r.Get("/greet/{name}", func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprintf(w, "Hello, %s\n", chi.URLParam(req, "name"))
	})
	port := os.Getenv("PORT")
	if port == "" {
		port = "3000"
	}
	log.Fatal(http.ListenAndServe(":"+port, r))
}
