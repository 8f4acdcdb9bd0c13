// Clang's thread-safety analysis, spelled once. Other compilers see nothing.
#ifndef CLOAKROOM_LIB_BASE_THREAD_ANNOTATIONS_H_
#define CLOAKROOM_LIB_BASE_THREAD_ANNOTATIONS_H_

#if defined(__clang__)
#define CLOAKROOM_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define CLOAKROOM_THREAD_ATTRIBUTE(x)
#endif

#define CAPABILITY(x) CLOAKROOM_THREAD_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY CLOAKROOM_THREAD_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) CLOAKROOM_THREAD_ATTRIBUTE(guarded_by(x))
#define PT_GUARDED_BY(x) CLOAKROOM_THREAD_ATTRIBUTE(pt_guarded_by(x))
#define REQUIRES(...) CLOAKROOM_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) CLOAKROOM_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define EXCLUDES(...) CLOAKROOM_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) CLOAKROOM_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) CLOAKROOM_THREAD_ATTRIBUTE(acquire_shared_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) CLOAKROOM_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) CLOAKROOM_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) CLOAKROOM_THREAD_ATTRIBUTE(release_shared_capability(__VA_ARGS__))
#define RELEASE_GENERIC(...) CLOAKROOM_THREAD_ATTRIBUTE(release_generic_capability(__VA_ARGS__))
#define RETURN_CAPABILITY(x) CLOAKROOM_THREAD_ATTRIBUTE(lock_returned(x))
#define NO_THREAD_SAFETY_ANALYSIS CLOAKROOM_THREAD_ATTRIBUTE(no_thread_safety_analysis)

#endif  // CLOAKROOM_LIB_BASE_THREAD_ANNOTATIONS_H_
