// go-redis without a framework.
package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()

const oddText = "\x00\x01 Grüße, 你好, 🧥 \u2028\ufeff\r\n*3\r\n$3\r\n\xff\xfe"

func values(rdb *redis.Client) {
	check("keys and values of any bytes, and of 1 MiB", func() {
		odd := make([]byte, 512)
		for i := range odd {
			odd[i] = byte(i)
		}
		must(rdb.Set(ctx, string(odd), odd, 0).Err())
		equal(rdb.Get(ctx, string(odd)).Val(), string(odd))
		large := strings.Repeat("0123456789abcdef", 1<<16)
		must(rdb.Set(ctx, string(odd), large, 0).Err())
		holds(rdb.Get(ctx, string(odd)).Val() == large, "the same 1 MiB")
		equal(rdb.Del(ctx, string(odd)).Val(), int64(1))
		equal(rdb.Get(ctx, "absent").Err(), redis.Nil)
	})
	check("SET with its options", func() {
		equal(rdb.SetNX(ctx, "k", "1", 100*time.Second).Val(), true)
		equal(rdb.SetNX(ctx, "k", "2", 0).Val(), false)
		equal(rdb.SetXX(ctx, "absent", "2", 0).Val(), false)
		must(rdb.Set(ctx, "k", "3", redis.KeepTTL).Err())
		left := rdb.PTTL(ctx, "k").Val()
		holds(left > 99*time.Second && left <= 100*time.Second, left)
		equal(rdb.GetDel(ctx, "k").Val(), "3")
	})
	check("deadlines are exact within 5 ms of the time that passed", func() {
		for _, wanted := range []time.Duration{1_234_567, 1 << 31, 1 << 40} {
			wanted *= time.Millisecond
			must(rdb.Set(ctx, "k", "v", 0).Err())
			began := time.Now()
			equal(rdb.PExpire(ctx, "k", wanted).Val(), true)
			left := rdb.PTTL(ctx, "k").Val()
			holds(left <= wanted && left >= wanted-time.Since(began)-5*time.Millisecond, left)
		}
		at := time.Now().Add(500 * time.Second).Truncate(time.Millisecond)
		equal(rdb.PExpireAt(ctx, "k", at).Val(), true)
		equal(rdb.PExpireTime(ctx, "k").Val(), time.Duration(at.UnixMilli())*time.Millisecond)
		equal(rdb.Persist(ctx, "k").Val(), true)
		equal(rdb.TTL(ctx, "k").Val(), time.Duration(-1))
		equal(rdb.Expire(ctx, "k", 0).Val(), true)
		equal(rdb.TTL(ctx, "k").Val(), time.Duration(-2))
		must(rdb.Set(ctx, "k", "v", time.Millisecond).Err())
		until("expired", func() bool { return rdb.Get(ctx, "k").Err() == redis.Nil })
	})
}

func types(rdb *redis.Client) {
	check("hashes, sets, sorted sets, MGET with holes", func() {
		equal(rdb.HSet(ctx, "h", "a", "1", "b", oddText).Val(), int64(2))
		equal(fmt.Sprint(rdb.HGetAll(ctx, "h").Val()), fmt.Sprint(map[string]string{"a": "1", "b": oddText}))
		equal(rdb.HIncrBy(ctx, "h", "a", 4).Val(), int64(5))
		equal(rdb.HDel(ctx, "h", "a", "b").Val(), int64(2))
		equal(rdb.Exists(ctx, "h").Val(), int64(0))
		equal(rdb.SAdd(ctx, "s", "a", "b", "a").Val(), int64(2))
		equal(rdb.SCard(ctx, "s").Val(), int64(2))
		equal(rdb.SIsMember(ctx, "s", "b").Val(), true)
		must(rdb.ZAdd(ctx, "z", redis.Z{Score: 1.5, Member: "a"}).Err())
		equal(rdb.ZScore(ctx, "z", "a").Val(), 1.5)
		must(rdb.Set(ctx, "x", "v", 0).Err())
		equal(fmt.Sprint(rdb.MGet(ctx, "x", "absent", "s").Val()), "[v <nil> <nil>]")
		equal(rdb.Rename(ctx, "x", "y").Err(), nil)
		fails("no such key", rdb.Rename(ctx, "x", "y").Err())
		equal(rdb.Del(ctx, "s", "z", "y").Val(), int64(3))
	})
}

func many(rdb *redis.Client) {
	check("a pipeline of ten thousand, and SCAN gives every key", func() {
		pipe := rdb.Pipeline()
		gets := make([]*redis.StringCmd, 5000)
		for i := range gets {
			pipe.Set(ctx, fmt.Sprintf("p:%d", i), i, 0)
			gets[i] = pipe.Get(ctx, fmt.Sprintf("p:%d", i))
		}
		_, err := pipe.Exec(ctx)
		must(err)
		for i, get := range gets {
			equal(get.Val(), fmt.Sprint(i))
		}
		seen := map[string]bool{}
		keys := rdb.Scan(ctx, 0, "p:*", 100).Iterator()
		for keys.Next(ctx) {
			seen[keys.Val()] = true
		}
		must(keys.Err())
		equal(len(seen), len(gets))
		must(rdb.FlushDB(ctx).Err())
	})
	check("fifty goroutines lose no increment", func() {
		var group sync.WaitGroup
		for i := 0; i < 50; i++ {
			group.Add(1)
			go func() {
				defer group.Done()
				for n := 0; n < 40; n++ {
					rdb.Incr(ctx, "n")
				}
			}()
		}
		group.Wait()
		equal(rdb.Get(ctx, "n").Val(), "2000")
		rdb.Del(ctx, "n")
	})
}

func transactions(rdb *redis.Client) {
	check("MULTI, EXEC, and WATCH disturbed by another client", func() {
		var incremented *redis.IntCmd
		_, err := rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.Set(ctx, "a", 1, 0)
			incremented = pipe.Incr(ctx, "a")
			return nil
		})
		must(err)
		equal(incremented.Val(), int64(2))
		err = rdb.Watch(ctx, func(tx *redis.Tx) error {
			must(rdb.Set(ctx, "a", "theirs", 0).Err())
			_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
				return pipe.Set(ctx, "a", "mine", 0).Err()
			})
			return err
		}, "a")
		equal(err, redis.TxFailedErr)
		equal(rdb.GetDel(ctx, "a").Val(), "theirs")
	})
}

func messages(rdb *redis.Client) {
	check("messages, patterns and keyspace events, in order", func() {
		must(rdb.ConfigSet(ctx, "notify-keyspace-events", "Egx").Err())
		listening := rdb.PSubscribe(ctx, "news", "__keyevent@0__:*")
		defer listening.Close()
		for i := 0; i < 2; i++ {
			_, err := listening.Receive(ctx)
			must(err)
		}
		equal(rdb.Publish(ctx, "news", oddText).Val(), int64(1))
		rdb.Set(ctx, "k", "v", 0)
		rdb.Del(ctx, "k")
		rdb.Set(ctx, "k", "v", time.Millisecond)
		until("expired", func() bool { return rdb.Get(ctx, "k").Err() == redis.Nil })
		for _, wanted := range []string{"news " + oddText, "__keyevent@0__:del k",
			"__keyevent@0__:expire k", "__keyevent@0__:expired k"} {
			message, err := listening.ReceiveTimeout(ctx, 5*time.Second)
			must(err)
			equal(message.(*redis.Message).Channel+" "+message.(*redis.Message).Payload, wanted)
		}
	})
}

func refusals(rdb *redis.Client) {
	check("errors have Redis's words and leave the connection usable", func() {
		must(rdb.Set(ctx, "k", "v", 0).Err())
		fails("WRONGTYPE", rdb.HGetAll(ctx, "k").Err())
		fails("not an integer", rdb.Incr(ctx, "k").Err())
		fails("unknown command", rdb.Do(ctx, "NOSUCH").Err())
		equal(rdb.GetDel(ctx, "k").Val(), "v")
	})
	check("a wrong password is refused, and so is none", func() {
		if password == "" {
			return
		}
		for given, wanted := range map[string]string{"wrong": "WRONGPASS", "": "NOAUTH"} {
			other := open(given)
			fails(wanted, other.Get(ctx, "k").Err())
			other.Close()
		}
	})
	check("INFO and CLIENT LIST are understood", func() {
		holds(strings.Contains(rdb.Info(ctx).Val(), "redis_version:"), "redis_version")
		holds(strings.Contains(rdb.ClientList(ctx).Val(), "addr="), "addr=")
	})
}

func restarts(rdb *redis.Client) {
	check("kill -9 and restart: values and deadlines are there, the pool comes back", func() {
		for i := 0; i < 100; i++ {
			must(rdb.Set(ctx, fmt.Sprintf("s:%d", i), i, 1000*time.Second).Err())
		}
		must(rdb.HSet(ctx, "h", "f", oddText).Err())
		must(rdb.Set(ctx, "gone", "v", 0).Err())
		must(rdb.Del(ctx, "gone").Err())
		left, began := rdb.PTTL(ctx, "s:7").Val(), time.Now()
		restart()
		until("reconnected", func() bool { return rdb.Ping(ctx).Err() == nil })
		drift := rdb.PTTL(ctx, "s:7").Val() - (left - time.Since(began))
		holds(drift.Abs() < 1500*time.Millisecond, drift)
		for i := 0; i < 100; i++ {
			equal(rdb.Get(ctx, fmt.Sprintf("s:%d", i)).Val(), fmt.Sprint(i))
		}
		equal(rdb.HGet(ctx, "h", "f").Val(), oddText)
		holds(errors.Is(rdb.Get(ctx, "gone").Err(), redis.Nil), "the deleted key")
	})
}

func main() {
	rdb := open(password)
	values(rdb)
	types(rdb)
	many(rdb)
	transactions(rdb)
	messages(rdb)
	refusals(rdb)
	restarts(rdb)
	fmt.Println("done")
}
