// Command step is the only program in the containers of the tests: statically linked, so that it runs on an
// empty file system.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "step:", err)
		os.Exit(1)
	}
}

func run(verb string, args []string) error {
	switch verb {
	case "echo":
		fmt.Println(args)
	case "write":
		return os.WriteFile(args[0], []byte(args[1]), 0o644)
	case "cat":
		dt, err := os.ReadFile(args[0])
		fmt.Printf("%s", dt)
		return err
	case "mode": // of a file, and of one that is made without a thought for it
		st, err := os.Stat(args[0])
		if err != nil {
			return err
		}
		f, err := os.Create("/tmp/made")
		if err != nil {
			return err
		}
		made, err := f.Stat()
		fmt.Println(st.Mode(), made.Mode())
		return err
	case "exit":
		n, _ := strconv.Atoi(args[0])
		os.Exit(n)
	case "dial": // is the host's loopback reachable?
		c, err := net.Dial("tcp", args[0])
		if err != nil {
			return err
		}
		return c.Close()
	case "device": // is a device of the host, given as its number, out of reach?
		dev, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		if err := syscall.Mknod("/device", syscall.S_IFCHR|0o600, dev); err != nil {
			fmt.Println("confined:", err)
			return nil
		}
		f, err := os.Open("/device")
		if err == nil {
			f.Close()
			return fmt.Errorf("the host's device %s can be opened", args[0])
		}
		fmt.Println("confined:", err)
	case "chown":
		n, _ := strconv.Atoi(args[1])
		return os.Chown(args[0], n, n)
	case "id":
		fmt.Println(os.Getuid(), os.Getgid(), os.Getpid())
	case "sleep": // a child in a session of its own: what a daemonising build tool leaves
		cmd := exec.Command("/step", "sleep-alone", args[0])
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			return err
		}
		fmt.Println("sleeping")
		return run("sleep-alone", args)
	case "sleep-alone":
		d, err := time.ParseDuration(args[0])
		time.Sleep(d)
		return err
	case "trap": // waits for SIGTERM and says so
		ch := make(chan os.Signal, 1)
		signal.Notify(ch, syscall.SIGTERM)
		fmt.Println("ready")
		fmt.Println("got", <-ch)
		os.Exit(7)
	case "terminal": // says which terminal it is on, and gives a line back
		name, err := os.Readlink("/proc/self/fd/0")
		if err != nil {
			return err
		}
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Printf("%s: %s", name, line)
		return err
	case "stdin":
		dt, err := io.ReadAll(os.Stdin)
		fmt.Printf("read %q\n", dt)
		return err
	}
	return nil
}
