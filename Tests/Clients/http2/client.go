// Go's HTTP/2 client, 50 requests at a time. usage: client.go URL SECONDS BODY
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

func main() {
	url, body := os.Args[1], os.Args[3]
	seconds, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: &http2.Transport{
		AllowHTTP: true,
		DialTLS: func(network, address string, _ *tls.Config) (net.Conn, error) {
			return net.Dial(network, address)
		},
	}}
	var answered, lost int64
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	var workers sync.WaitGroup
	for worker := 0; worker < 50; worker++ {
		workers.Add(1)
		go func(index int) {
			defer workers.Done()
			for ; time.Now().Before(end); index++ {
				if isAnswered(client, url, body, index) {
					atomic.AddInt64(&answered, 1)
				} else {
					atomic.AddInt64(&lost, 1)
				}
			}
		}(worker)
	}
	workers.Wait()
	fmt.Printf("{\"answered\":%d,\"lost\":%d}\n", answered, lost)
}

// Alternates between a request with a body and one without.
func isAnswered(client *http.Client, url, body string, index int) bool {
	var reply *http.Response
	var err error
	if index%2 == 0 {
		reply, err = client.Post(url+"/softmax", "application/json", strings.NewReader(body))
	} else {
		reply, err = client.Get(url + "/livez")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return false
	}
	defer reply.Body.Close()
	_, err = io.Copy(io.Discard, reply.Body)
	return err == nil && reply.StatusCode == 200
}
