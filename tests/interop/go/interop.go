package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var password = os.Getenv("INTEROP_PASSWORD")

func open(given string) *redis.Client {
	options := &redis.Options{
		Addr:     os.Getenv("INTEROP_HOST") + ":" + os.Getenv("INTEROP_PORT"),
		Password: given,
	}
	switch os.Getenv("INTEROP_TRANSPORT") {
	case "unix":
		options.Network, options.Addr = "unix", os.Getenv("INTEROP_SOCKET")
	case "tls":
		pem, err := os.ReadFile(os.Getenv("INTEROP_CA"))
		must(err)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		options.TLSConfig = &tls.Config{RootCAs: roots, ServerName: os.Getenv("INTEROP_HOST")}
	}
	// The client's default is RESP3, so for that it is told nothing.
	if os.Getenv("INTEROP_RESP") == "2" {
		options.Protocol = 2
	}
	return redis.NewClient(options)
}

// What a check that does not hold panics with.
type failure string

func check(name string, body func()) {
	defer func() {
		if why := recover(); why != nil {
			text := strings.Join(strings.Fields(fmt.Sprint(why)), " ")
			fmt.Printf("not ok %s: %.300s\n", name, text)
			return
		}
		fmt.Printf("ok %s\n", name)
	}()
	body()
}

func fail(format string, parts ...any) {
	_, _, line, _ := runtime.Caller(2)
	panic(failure(fmt.Sprintf("line %d: ", line) + fmt.Sprintf(format, parts...)))
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func equal(found, wanted any) {
	if found != wanted {
		fail("found %.100q, wanted %.100q", fmt.Sprint(found), fmt.Sprint(wanted))
	}
}

func holds(truth bool, shown any) {
	if !truth {
		fail("does not hold: %v", shown)
	}
}

func fails(part string, err error) {
	if err == nil || !strings.Contains(err.Error(), part) {
		fail("%s is not in: %v", part, err)
	}
}

// Waits for what happens by itself within moments.
func until(what string, condition func() bool) {
	for end := time.Now().Add(5 * time.Second); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			fail("still not: %s", what)
		}
	}
}

// Has the server killed with SIGKILL and started again; returns when it answers.
func restart() {
	port, err := strconv.Atoi(os.Getenv("INTEROP_CONTROL"))
	must(err)
	control, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	must(err)
	defer control.Close()
	fmt.Fprint(control, "restart\n")
	answer, err := bufio.NewReader(control).ReadString('\n')
	must(err)
	equal(answer, "done\n")
}
