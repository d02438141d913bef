// Go with gorilla/websocket: a prepared message, written to one connection after another.
//
//	gorilla PORT INTERVAL FRAME [CERTIFICATE KEY]
package main

import (
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/gorilla/websocket"
)

var (
	lock        sync.Mutex
	subscribers = map[*websocket.Conn]struct{}{}
)

// serve reads one connection until it ends; its first message subscribes it.
func serve(upgrader *websocket.Upgrader, w http.ResponseWriter, r *http.Request) {
	connection, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	for {
		if _, _, err := connection.ReadMessage(); err != nil {
			break
		}
		lock.Lock()
		subscribers[connection] = struct{}{}
		lock.Unlock()
	}
	lock.Lock()
	delete(subscribers, connection)
	lock.Unlock()
	connection.Close()
}

// monotonic is CLOCK_MONOTONIC, which Go's own time package does not tell.
func monotonic() time.Duration {
	var at syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&at)), 0)
	return time.Duration(at.Nano())
}

func publish(every time.Duration, message *websocket.PreparedMessage) {
	for {
		time.Sleep(every - monotonic()%every)
		lock.Lock()
		for connection := range subscribers {
			connection.WritePreparedMessage(message)
		}
		lock.Unlock()
	}
}

func main() {
	var files syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
	files.Cur = files.Max
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files)

	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	message, err := websocket.NewPreparedMessage(websocket.TextMessage, text)
	if err != nil {
		log.Fatal(err)
	}
	go publish(time.Duration(seconds*float64(time.Second)), message)

	upgrader := &websocket.Upgrader{}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { serve(upgrader, w, r) })
	address := "127.0.0.1:" + os.Args[1]
	if len(os.Args) > 5 {
		log.Fatal(http.ListenAndServeTLS(address, os.Args[4], os.Args[5], nil))
	}
	log.Fatal(http.ListenAndServe(address, nil))
}
