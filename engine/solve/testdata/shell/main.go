// Command shell stands in for bash in the images of this package's tests: a static program that needs no
// distribution around it. The script behind -c is a list of commands, separated by ";", of those below.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	for c := range strings.SplitSeq(os.Args[len(os.Args)-1], ";") {
		words := strings.Fields(strings.ReplaceAll(c, "'", ""))
		if len(words) > 0 && words[0] == "exec" {
			words = words[1:]
		}
		if len(words) == 0 {
			continue
		}
		run, ok := commands[words[0]]
		if !ok {
			fmt.Fprintf(os.Stderr, "shell: %s: command not found\n", words[0])
			os.Exit(127)
		}
		if err := run(words[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "shell:", err)
			os.Exit(1)
		}
	}
}

var commands = map[string]func([]string) error{
	"echo": func(w []string) error { _, err := fmt.Println(strings.Join(w, " ")); return err },
	"exit": func(w []string) error { n, err := strconv.Atoi(w[0]); os.Exit(n); return err },
	"env":  func(w []string) error { _, err := fmt.Println(os.Getenv(w[0])); return err },
	"cat":  cat,
	// write FILE WORD... makes a file.
	"write":  func(w []string) error { return os.WriteFile(w[0], []byte(strings.Join(w[1:], " ")+"\n"), 0o644) },
	"mkdir":  func(w []string) error { return os.MkdirAll(w[0], 0o755) },
	"remove": func(w []string) error { return os.RemoveAll(w[0]) },
	// append FILE WORD... adds a line to a file.
	"append": func(w []string) error {
		f, err := os.OpenFile(w[0], os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = fmt.Fprintln(f, strings.Join(w[1:], " "))
		return err
	},
	// meet DIR ME OTHER waits until another step with the same directory has come to the same point.
	"meet": meet,
	// list DIR WRITES names of all files below a directory.
	"list": list,
	// lines N prints N lines.
	"lines": lines,
	// copy FROM TO copies a file.
	"copy": func(w []string) error {
		raw, err := os.ReadFile(w[0])
		if err != nil {
			return err
		}
		return os.WriteFile(w[1], raw, 0o644)
	},
	// fill FILE N makes a file of N megabytes that do not compress well.
	"fill": fill,
	// tty says whether stdin and stdout are a terminal, and how wide it is, once that is known: a size comes with a signal.
	"tty": func([]string) error {
		sized := make(chan os.Signal, 1)
		signal.Notify(sized, unix.SIGWINCH)
		for ; ; <-sized {
			w, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
			w2, err2 := unix.IoctlGetWinsize(1, unix.TIOCGWINSZ)
			if err != nil || err2 != nil {
				fmt.Println("no terminal")
				return nil
			}
			if w.Col > 0 {
				fmt.Println("terminal", w.Col, w2.Col)
				return nil
			}
		}
	},
	"stdin": func([]string) error { _, err := io.Copy(os.Stdout, os.Stdin); return err },
	"pwd": func([]string) error {
		dir, err := os.Getwd()
		fmt.Println(dir, os.Getuid())
		return err
	},
	// serve answers HTTP on PORT until it is asked to end, which it does with status 3.
	"serve": serve,
	// plain is a program that knows nothing of signals, as C programs are.
	"plain": func([]string) error {
		noHandlers()
		fmt.Println("plain")
		time.Sleep(time.Hour)
		return nil
	},
	// handle waits for a signal.
	"handle": func([]string) error {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
		fmt.Println("ready")
		fmt.Println("got", <-signals)
		os.Exit(3)
		return nil
	},
	// parent is a shell that waits for a server.
	"parent": parent,
	// deaf hears no signal.
	"deaf":  deaf,
	"sleep": func(w []string) error { d, err := time.ParseDuration(w[0]); time.Sleep(d); return err },
}

func meet(w []string) error {
	if err := os.WriteFile(filepath.Join(w[0], w[1]), nil, 0o644); err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(w[0], w[2])); err == nil {
			fmt.Println("met", w[2])
			return nil
		}
	}
	return fmt.Errorf("%s did not come", w[2])
}

func cat(w []string) error {
	for _, f := range w {
		raw, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		os.Stdout.Write(raw)
	}
	return nil
}

func list(w []string) error {
	return filepath.WalkDir(w[0], func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			fmt.Println(path)
		}
		return err
	})
}

func lines(w []string) error {
	n, err := strconv.Atoi(w[0])
	for i := range n {
		fmt.Printf("line %d\n", i+1)
	}
	return err
}

func fill(w []string) error {
	n, err := strconv.Atoi(w[1])
	if err != nil {
		return err
	}
	f, err := os.Create(w[0])
	if err != nil {
		return err
	}
	x := uint64(1)
	var b strings.Builder
	for range n << 20 / 16 {
		x = x*6364136223846793005 + 1442695040888963407
		fmt.Fprintf(&b, "%08x:const ", uint32(x>>33)) // half noise, half text, as programs are
	}
	if _, err := f.WriteString(b.String()); err != nil {
		return err
	}
	return f.Close()
}

func serve([]string) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		fmt.Println("got", <-signals)
		os.Exit(3)
	}()
	return http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello from", r.URL.Path)
	}))
}

func deaf([]string) error {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
	fmt.Println("deaf")
	time.Sleep(time.Hour)
	return nil
}

// noHandlers takes away the handlers that Go's runtime installs.
func noHandlers() {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		var action [4]uintptr // SIG_DFL
		unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	}
}

func parent(w []string) error {
	child := exec.Command("/bin/bash", "-c", strings.Join(w, " "))
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	noHandlers()
	err := child.Run()
	fmt.Println("the child has ended:", err)
	os.Exit(5)
	return nil
}
